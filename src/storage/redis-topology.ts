import { randomUUID } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { FoundSession, Lease } from "../user/stores.ts";
import { attempt } from "./attempt.ts";
import { batch } from "./batch.ts";
import { Recovery } from "./recovery.ts";
import { type FillArguments, keysOf, type ProfileReply, sessionKey } from "./redis-scripts.ts";

/** Longer than a reader takes to read its row: the deadline of a whole call. */
const LEASE_MS = 5_000;
/** How many a cluster has, as it says it. */
const SLOTS = "16384";

/**
 * Where the keys are. On one Redis, a script reaches the keys of many sessions and users at once;
 * in a cluster each has a slot of its own, on a server of its own. Its methods throw a
 * StorageError, and nothing else.
 */
export interface Topology {
  readonly redis: Redis | Cluster;
  /** Look a session up, and then read what is cached of its user. */
  find(sessionId: string): Promise<FoundSession | undefined>;
  /** Begin a session and fill the cache. */
  open(sessionId: string, fill: FillArguments): Promise<void>;
  lease(username: string): Promise<Lease | undefined>;
  /** Throws where there is no answer, or the answer is that not every key can be had. */
  ping(): Promise<unknown>;
}

interface Opening {
  readonly sessionId: string;
  readonly fill: FillArguments;
}

/** One Redis: each in one round trip, which all of a turn of the event loop share. */
export class OneRedis implements Topology {
  readonly redis: Redis;
  readonly #recovery = new Recovery();
  readonly #finding = batch((sessionIds: readonly string[]) =>
    attempt("read session", () => this.#find(sessionIds)),
  );
  readonly #opening = batch((openings: readonly Opening[]) =>
    attempt("open session", () => this.#open(openings)),
  );
  readonly #leasing = batch((usernames: readonly string[]) =>
    attempt("lease profile", () => this.#lease(usernames)),
  );

  /** @param redis is connected */
  constructor(redis: Redis) {
    this.redis = redis;
    this.#recovery.watch(redis);
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.#finding.load(sessionId);
  }

  open(sessionId: string, fill: FillArguments): Promise<void> {
    return this.#opening.load({ sessionId, fill });
  }

  lease(username: string): Promise<Lease | undefined> {
    return this.#leasing.load(username);
  }

  ping(): Promise<unknown> {
    return attempt("ping Redis", () => this.redis.ping());
  }

  async #find(sessionIds: readonly string[]): Promise<(FoundSession | undefined)[]> {
    const keys = sessionIds.map(sessionKey);
    const values = await this.redis.findSessions(keys.length, ...keys, randomUUID(), LEASE_MS);
    return sessionIds.map((_, index) => {
      const at = index * 4;
      const username = values[at] ?? null;
      if (username === null) return undefined;
      const [nickname = null, profilePath = null, lease = null] = values.slice(at + 1, at + 4);
      return found(username, [nickname, profilePath, lease], this.#recovery);
    });
  }

  async #open(openings: readonly Opening[]): Promise<undefined[]> {
    const users = openings.map(({ fill: [, username] }) => keysOf(username));
    const keys = [
      ...openings.map(({ sessionId }) => sessionKey(sessionId)),
      ...users.map(([profile]) => profile),
      ...users.map(([, lease]) => lease),
    ];
    await this.redis.openSessions(keys.length, ...keys, ...openings.flatMap(({ fill }) => fill));
    return openings.map(() => undefined);
  }

  async #lease(usernames: readonly string[]): Promise<(Lease | undefined)[]> {
    const users = usernames.map(keysOf);
    const keys = [...users.map(([, lease]) => lease), ...users.map(([, , dirty]) => dirty)];
    const leases = await this.redis.grantLeases(keys.length, ...keys, randomUUID(), LEASE_MS);
    return leases.map((lease) => this.#recovery.permit(lease));
  }
}

/** A Redis Cluster: a command for the session and one for the user. */
export class RedisCluster implements Topology {
  readonly redis: Cluster;
  readonly #recovery = new Recovery();

  /** @param redis is connected */
  constructor(redis: Cluster) {
    this.redis = redis;
    for (const node of redis.nodes()) this.#recovery.watch(node);
    redis.on("+node", (node: Redis) => this.#recovery.watch(node));
  }

  /** The session comes first, since it names the user. The profile is as fresh as its own read. */
  find(sessionId: string): Promise<FoundSession | undefined> {
    return attempt("read session", async () => {
      const username = await this.redis.get(sessionKey(sessionId));
      if (username === null) return undefined;
      const keys = keysOf(username);
      const reply = await this.redis.readProfile(...keys, randomUUID(), LEASE_MS);
      return found(username, reply, this.#recovery);
    });
  }

  /**
   * Both at once, as neither needs the other: a session without a cached profile is a miss, and a
   * profile filled under a lease is right whether or not the session begins. Where either fails,
   * the sign-in does, and a session that nobody was told of ends by itself.
   */
  open(sessionId: string, fill: FillArguments): Promise<void> {
    const [, username, , , ttlMs] = fill;
    const [profile, lease] = keysOf(username);
    return attempt("open session", async () => {
      await Promise.all([
        this.redis.set(sessionKey(sessionId), username, "PX", ttlMs),
        this.redis.fillProfile(profile, lease, ...fill),
      ]);
    });
  }

  lease(username: string): Promise<Lease | undefined> {
    const [, lease, dirty] = keysOf(username);
    return attempt("lease profile", async () => {
      const [granted] = await this.redis.grantLeases(2, lease, dirty, randomUUID(), LEASE_MS);
      return this.#recovery.permit(granted);
    });
  }

  /** Any node knows which slots are served, once the nodes miss the one that does not answer. */
  ping(): Promise<unknown> {
    return attempt("ping Redis", async () => {
      const info = String(await this.redis.cluster("INFO"));
      const served = /^cluster_slots_ok:(\d+)/m.exec(info)?.[1] ?? "none";
      if (/^cluster_state:ok/m.test(info) && served === SLOTS) return;
      throw new Error(`${served} of ${SLOTS} slots are served`);
    });
  }
}

function found(
  username: string,
  [nickname, profilePath, granted]: ProfileReply,
  recovery: Recovery,
): FoundSession {
  if (nickname !== null && profilePath !== null) {
    return { username, profile: { username, nickname, profilePath } };
  }
  const lease = recovery.permit(granted);
  return lease === undefined ? { username } : { username, lease };
}
