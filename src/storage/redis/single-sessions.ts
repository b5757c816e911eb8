import type { Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type { CachedProfile, FoundSession, Lease } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { batch } from "../batch.ts";
import { Recovery } from "./recovery.ts";
import { latestLeaseKey, profileArguments, sessionKey } from "./scripts.ts";
import { foundSession, RedisSessions, type Times, wouldWrite } from "./sessions.ts";
import { SharedLease } from "./shared-lease.ts";

/** No session has this id, so the key never exists. */
const PROBE_KEY = "session:probe";
/** Not a username: the leases are for all users. */
const ALL_USERS = "";

interface Opening {
  readonly sessionId: string;
  readonly profile: CachedProfile;
  readonly lease: Lease | undefined;
}

/** Sessions in one Redis. The calls of one turn of the event loop share a round trip. */
export class SingleRedisSessions extends RedisSessions<Redis> {
  readonly #recovery = new Recovery();
  readonly #finding = batch((sessionIds: readonly string[]) =>
    attempt("read session", () => this.#findAll(sessionIds)),
  );
  readonly #opening = batch((openings: readonly Opening[]) =>
    attempt("open session", () => this.#openAll(openings)),
  );
  readonly #lease: SharedLease;

  constructor(redis: Redis, times: Times, log: Log) {
    super(redis, times, log);
    this.#recovery.watch(redis);
    this.#lease = new SharedLease(times.leaseMs, () =>
      attempt("lease the cache", () => this.grant(ALL_USERS)),
    );
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

  async ping(): Promise<void> {
    await attempt("ping Redis", () => wouldWrite(this.redis, PROBE_KEY));
  }

  protected latestLease(): string {
    return latestLeaseKey(ALL_USERS);
  }

  async #findAll(sessionIds: readonly string[]): Promise<(FoundSession | undefined)[]> {
    const values = await this.redis.findSessions(sessionIds.length, ...sessionIds.map(sessionKey));
    return sessionIds.map((_, index) => {
      const at = index * 3;
      const username = values[at] ?? null;
      return username === null ? undefined : foundSession(username, values[at + 1], values[at + 2]);
    });
  }

  async #openAll(openings: readonly Opening[]): Promise<undefined[]> {
    const byLease = Map.groupBy(openings, ({ lease }) => lease);
    await Promise.all([...byLease].map(([lease, some]) => this.#openUnder(lease, some)));
    return openings.map(() => undefined);
  }

  #openUnder(lease: Lease | undefined, openings: readonly Opening[]): Promise<null> {
    const keys = openings.map(({ sessionId }) => sessionKey(sessionId));
    const profiles = openings.flatMap(({ profile }) => profileArguments(profile));
    // A lease is never the empty string: without one, the script caches no profile.
    return this.redis.openSessions(
      keys.length,
      ...keys,
      this.times.ttlMs,
      lease ?? "",
      ...profiles,
    );
  }
}
