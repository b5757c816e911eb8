import { type Cluster, Command, type Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type { CachedProfile, FoundSession, Lease } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { Recovery } from "./recovery.ts";
import { keysOf, latestLeaseKey, sessionKey } from "./scripts.ts";
import { foundSession, RedisSessions, type Times, wouldWrite } from "./sessions.ts";

/** The slots of a cluster, as CLUSTER INFO writes their number. */
const SLOTS = "16384";
/** No session id begins like this: the keys never exist. */
const PROBE_KEY = "session:probe";
/** At most this many keys are tried to find one for each master. */
const PROBE_KEYS = 1_000;

/** Sessions in a Redis Cluster: one command for the session and one for the user. */
export class ClusterSessions extends RedisSessions<Cluster> {
  readonly #recovery = new Recovery();

  constructor(redis: Cluster, times: Times, log: Log) {
    super(redis, times, log);
    for (const node of redis.nodes()) this.#recovery.watch(node);
    redis.on("+node", (node: Redis) => this.#recovery.watch(node));
  }

  /**
   * Read the session first, since it names the user. The profile is as fresh as the second read.
   */
  find(sessionId: string): Promise<FoundSession | undefined> {
    return attempt("read session", async () => {
      const username = await this.redis.get(sessionKey(sessionId));
      if (username === null) return undefined;
      const [profile] = keysOf(username);
      const [nickname, profilePath] = await this.redis.hmget(profile, "nickname", "profilePath");
      return foundSession(username, nickname, profilePath);
    });
  }

  /**
   * Both commands are sent at once, as neither needs the other: a session without a cached profile
   * is a miss, and a profile that is filled under a lease is right without the session. If either
   * fails, the sign-in fails; the client does not learn the session id, and the session expires.
   */
  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void> {
    return attempt("open session", async () => {
      await Promise.all([
        this.redis.set(sessionKey(sessionId), profile.username, "PX", this.times.ttlMs),
        lease && this.fillUnder(profile, lease),
      ]);
    });
  }

  lease(username: string): Promise<Lease | undefined> {
    return attempt("lease the cache", async () =>
      this.#recovery.permit(await this.grant(username)),
    );
  }

  /**
   * Check that all slots are served and that the masters take writes. Any node knows which slots
   * are served, once the cluster has noticed a node that does not answer.
   */
  ping(): Promise<void> {
    return attempt("ping Redis", async () => {
      const writes = keysOfMasters(this.redis).map((key) => wouldWrite(this.redis, key));
      const [info] = await Promise.all([this.redis.cluster("INFO"), ...writes]);
      const served = /^cluster_slots_ok:(\d+)/m.exec(`${info}`)?.[1] ?? "none";
      if (/^cluster_state:ok/m.test(`${info}`) && served === SLOTS) return;
      throw new Error(`${served} of ${SLOTS} slots are served`);
    });
  }

  protected latestLease(username: string): string {
    return latestLeaseKey(username);
  }
}

/** A key for each master, in one of its slots. */
function keysOfMasters({ slots }: Cluster): string[] {
  const masters = new Set(Object.values(slots).map(([master]) => master));
  const keys: string[] = [];
  // The keys spread over all slots. A master with very few slots may get no key.
  for (let n = 0; masters.size > 0 && n < PROBE_KEYS; n++) {
    const key = `${PROBE_KEY}:${n}`;
    if (masters.delete(slots[slotOf(key)]?.[0])) keys.push(key);
  }
  return keys;
}

function slotOf(key: string): number {
  return Number(new Command("set", [key]).getSlot());
}
