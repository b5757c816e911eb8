import { randomUUID } from "node:crypto";
import { type Cluster, Command, type Redis } from "ioredis";
import type { CachedProfile, FoundSession, Lease } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { batch } from "../batch.ts";
import { Recovery } from "./recovery.ts";
import { keysOf, latestLeaseKey, leaseKey, profileArguments, sessionKey } from "./scripts.ts";
import { SharedLease } from "./shared-lease.ts";

/** How many a cluster has, as it says it. */
const SLOTS = "16384";
/** No session's id, so that nothing is ever there. */
const PROBE_KEY = "session:probe";
/** How many keys are tried to find one for each master. */
const PROBE_KEYS = 1_000;
/** No user's name: a lease that is for all of them. */
const EVERYBODY = "";

/** How long keys stand. */
export interface Times {
  /** Sessions and cached profiles. */
  readonly ttlMs: number;
  readonly leaseMs: number;
}

/**
 * Where the keys are. On one Redis, a script reaches the keys of many sessions and users at once;
 * in a cluster each has a slot of its own, on a server of its own. Its methods throw a
 * StorageError, and nothing else.
 */
export interface Topology {
  readonly redis: Redis | Cluster;
  readonly times: Times;
  /** Look a session up, and then read what is cached of its user. */
  find(sessionId: string): Promise<FoundSession | undefined>;
  /** Begin a session and, under a lease, fill the cache. */
  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void>;
  lease(username: string): Promise<Lease | undefined>;
  /** The key that stands until the last lease for this user has ended. */
  latestLease(username: string): string;
  /** Throws where there is no answer, or the answer is that not every key can be written. */
  ping(): Promise<unknown>;
}

interface Opening {
  readonly sessionId: string;
  readonly profile: CachedProfile;
  readonly lease: Lease | undefined;
}

/** One Redis: each in one round trip, which all of a turn of the event loop share. */
export class OneRedis implements Topology {
  readonly redis: Redis;
  readonly times: Times;
  readonly #recovery = new Recovery();
  readonly #finding = batch((sessionIds: readonly string[]) =>
    attempt("read session", () => this.#find(sessionIds)),
  );
  readonly #opening = batch((openings: readonly Opening[]) =>
    attempt("open session", () => this.#open(openings)),
  );
  readonly #lease: SharedLease;

  /** @param redis is connected */
  constructor(redis: Redis, times: Times) {
    this.redis = redis;
    this.times = times;
    this.#recovery.watch(redis);
    this.#lease = new SharedLease(times.leaseMs, () => this.#newLease());
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.#finding.load(sessionId);
  }

  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void> {
    return this.#opening.load({ sessionId, profile, lease });
  }

  lease(): Promise<Lease | undefined> {
    return this.#lease.get().then((lease) => this.#recovery.permit(lease));
  }

  latestLease(): string {
    return latestLeaseKey(EVERYBODY);
  }

  ping(): Promise<unknown> {
    return attempt("ping Redis", () => wouldWrite(this.redis, PROBE_KEY));
  }

  async #find(sessionIds: readonly string[]): Promise<(FoundSession | undefined)[]> {
    const values = await this.redis.findSessions(sessionIds.length, ...sessionIds.map(sessionKey));
    return sessionIds.map((_, index) => {
      const at = index * 3;
      const username = values[at] ?? null;
      return username === null ? undefined : found(username, values[at + 1], values[at + 2]);
    });
  }

  async #open(openings: readonly Opening[]): Promise<undefined[]> {
    const byLease = Map.groupBy(openings, ({ lease }) => lease);
    await Promise.all([...byLease].map(([lease, some]) => this.#openUnder(lease, some)));
    return openings.map(() => undefined);
  }

  #openUnder(lease: Lease | undefined, openings: readonly Opening[]): Promise<null> {
    const keys = openings.map(({ sessionId }) => sessionKey(sessionId));
    const profiles = openings.flatMap(({ profile }) => profileArguments(profile));
    const { ttlMs } = this.times;
    // No lease is ever the empty string, so without one the sessions alone begin.
    return this.redis.openSessions(keys.length, ...keys, ttlMs, lease ?? "", ...profiles);
  }

  #newLease(): Promise<Lease | undefined> {
    return attempt("lease the cache", () => grant(this, EVERYBODY));
  }
}

/** A Redis Cluster: a command for the session and one for the user. */
export class RedisCluster implements Topology {
  readonly redis: Cluster;
  readonly times: Times;
  readonly #recovery = new Recovery();

  /** @param redis is connected */
  constructor(redis: Cluster, times: Times) {
    this.redis = redis;
    this.times = times;
    for (const node of redis.nodes()) this.#recovery.watch(node);
    redis.on("+node", (node: Redis) => this.#recovery.watch(node));
  }

  /** The session comes first, since it names the user. The profile is as fresh as its own read. */
  find(sessionId: string): Promise<FoundSession | undefined> {
    return attempt("read session", async () => {
      const username = await this.redis.get(sessionKey(sessionId));
      if (username === null) return undefined;
      const [profile] = keysOf(username);
      const [nickname, profilePath] = await this.redis.hmget(profile, "nickname", "profilePath");
      return found(username, nickname, profilePath);
    });
  }

  /**
   * Both at once, as neither needs the other: a session without a cached profile is a miss, and a
   * profile filled under a lease is right whether or not the session begins. Where either fails,
   * the sign-in does, and a session that nobody was told of ends by itself.
   */
  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void> {
    const { username } = profile;
    const { ttlMs } = this.times;
    return attempt("open session", async () => {
      await Promise.all([
        this.redis.set(sessionKey(sessionId), username, "PX", ttlMs),
        lease &&
          this.redis.fillProfile(...keysOf(username), lease, ...profileArguments(profile), ttlMs),
      ]);
    });
  }

  lease(username: string): Promise<Lease | undefined> {
    return attempt("lease the cache", async () =>
      this.#recovery.permit(await grant(this, username)),
    );
  }

  latestLease(username: string): string {
    return latestLeaseKey(username);
  }

  /** Any node knows which slots are served, once the nodes miss the one that does not answer. */
  ping(): Promise<unknown> {
    return attempt("ping Redis", async () => {
      const keys = keysOfMasters(this.redis).map((key) => wouldWrite(this.redis, key));
      const [info] = await Promise.all([this.redis.cluster("INFO"), ...keys]);
      const served = /^cluster_slots_ok:(\d+)/m.exec(`${info}`)?.[1] ?? "none";
      if (/^cluster_state:ok/m.test(`${info}`) && served === SLOTS) return;
      throw new Error(`${served} of ${SLOTS} slots are served`);
    });
  }
}

/**
 * Have Redis judge a write as it judges any other, and write nothing: there is no such key. A
 * replica, a Sentinel, a Redis that is full, cannot save, or misses its replicas, refuses it.
 */
function wouldWrite(redis: Redis | Cluster, key: string): Promise<unknown> {
  return redis.set(key, "", "PX", 1, "XX");
}

/** A key for each master, in one of its slots. */
function keysOfMasters({ slots }: Cluster): string[] {
  const masters = new Set(Object.values(slots).map(([master]) => master));
  const keys: string[] = [];
  // Each slot comes up in its turn, and a master with hardly any of them may be left out.
  for (let n = 0; masters.size > 0 && n < PROBE_KEYS; n++) {
    const key = `${PROBE_KEY}:${n}`;
    if (masters.delete(slots[slotOf(key)]?.[0])) keys.push(key);
  }
  return keys;
}

function slotOf(key: string): number {
  return Number(new Command("set", [key]).getSlot());
}

/** @returns undefined where Redis is full or read-only: what can be read is read all the same */
async function grant(topology: Topology, username: string): Promise<Lease | undefined> {
  const { redis, times } = topology;
  const lease = leaseKey(username, randomUUID());
  const granted = await redis.grantLease(lease, topology.latestLease(username), times.leaseMs);
  return granted === null ? undefined : lease;
}

function found(
  username: string,
  nickname: string | null = null,
  profilePath: string | null = null,
): FoundSession {
  if (nickname === null || profilePath === null) return { username };
  return { username, profile: { username, nickname, profilePath } };
}
