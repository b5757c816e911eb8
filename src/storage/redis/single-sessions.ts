import { randomUUID } from "node:crypto";
import type DataLoader from "dataloader";
import type { Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type {
  CachedProfile,
  FoundSession,
  Lease,
  NewSession,
  OpenedSession,
  StoredSession,
} from "../../user/stores.ts";
import { batch } from "../batch.ts";
import type { ObserverOptions } from "../observe.ts";
import { entryOf, sessionsOf } from "./entry.ts";
import { countKey, indexKey, latestLeaseKey, profileArguments, sessionKey } from "./keys.ts";
import { MasterGuard } from "./master-guard.ts";
import type { MasterWatch } from "./master-watch.ts";
import { wouldWrite } from "./probe.ts";
import { type Limits, REPEAT_MS, RedisSessions } from "./sessions.ts";
import { SharedLease } from "./shared-lease.ts";

/** No session has this id, so the key never exists. */
const PROBE_KEY = "session:probe";
/** Not a username: the leases are for all users. */
const ALL_USERS = "";

/** Sessions in one Redis. The calls of one turn of the event loop share a round trip. */
export class SingleRedisSessions extends RedisSessions<Redis> {
  readonly #finding: DataLoader<string, FoundSession | undefined>;
  readonly #opening: DataLoader<NewSession, OpenedSession>;
  readonly #lease: SharedLease;
  readonly #guard: MasterGuard;

  /** @param watch says which server is the master, if there are Sentinels */
  constructor(
    redis: Redis,
    limits: Limits,
    log: Log,
    { observe, batches }: ObserverOptions = {},
    watch?: MasterWatch,
  ) {
    super(redis, limits, log, observe);
    this.#guard = new MasterGuard(redis, log, this.recovery, watch);
    this.#finding = batch(
      (sessionIds) => this.attempt("read session", () => this.#findAll(sessionIds)),
      batches,
    );
    this.#opening = batch(
      (openings) => this.attempt("open session", () => this.#openAll(openings)),
      batches,
    );
    this.recovery.watch(redis);
    this.#lease = new SharedLease(limits.leaseMs, () =>
      this.attempt("lease the cache", () => this.grant(ALL_USERS)),
    );
  }

  /** Resolves once profiles may be read from the cache. */
  start(): Promise<void> {
    return this.#guard.start();
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.#finding.load(sessionId);
  }

  open(session: NewSession): Promise<OpenedSession> {
    return this.#opening.load(session);
  }

  list(username: string): Promise<StoredSession[]> {
    return this.attempt("list sessions", async () =>
      sessionsOf(await this.redis.listSessions(indexKey(username), username)),
    );
  }

  end(username: string, sessionIds: readonly string[]): Promise<number> {
    return this.attempt("end sessions", () => this.#end(username, "these", sessionIds));
  }

  endAll(username: string, except?: string): Promise<number> {
    const kept = except === undefined ? [] : [except];
    return this.attempt("end sessions", () => this.#end(username, "except", kept));
  }

  lease(): Promise<Lease | undefined> {
    return this.#lease.get().then((lease) => (this.#guard.mayFill ? lease : undefined));
  }

  async ping(): Promise<void> {
    await this.attempt("ping Redis", () => wouldWrite(this.redis, PROBE_KEY));
  }

  protected override marking(mark: () => Promise<unknown>): Promise<void> {
    return this.#guard.marking(mark);
  }

  protected override async fillUnder(profile: CachedProfile, lease: Lease): Promise<unknown> {
    return this.#guard.mayFill ? super.fillUnder(profile, lease) : null;
  }

  protected latestLease(): string {
    return latestLeaseKey(ALL_USERS);
  }

  protected closeStored(sessionId: string, session: string, closed: string) {
    return this.redis.closeSession(session, closed, REPEAT_MS, sessionId);
  }

  async #findAll(sessionIds: readonly string[]): Promise<(FoundSession | undefined)[]> {
    const values = await this.redis.findSessions(sessionIds.length, ...sessionIds.map(sessionKey));
    return sessionIds.map((_, index) => {
      const at = index * 3;
      const username = values[at] ?? null;
      if (username === null) return undefined;
      // Another server may have become the master, and copies here may be old.
      if (!this.#guard.mayRead) return this.found(username);
      return this.found(username, values[at + 1], values[at + 2]);
    });
  }

  #end(username: string, which: "these" | "except", ids: readonly string[]): Promise<number> {
    const keys = [indexKey(username), countKey(username, randomUUID())] as const;
    return this.redis.endSessions(...keys, username, REPEAT_MS, which, ...ids);
  }

  async #openAll(sessions: readonly NewSession[]): Promise<OpenedSession[]> {
    const byLease = Map.groupBy(sessions, ({ lease }) => lease);
    const opened = new Map<NewSession, OpenedSession>();
    await Promise.all(
      [...byLease].map(async ([lease, some]) => {
        const isCurrent = await this.#openUnder(lease, some);
        some.forEach((session, at) => {
          opened.set(session, { mustRecheck: isCurrent[at] !== 1 || !this.#guard.mayFill });
        });
      }),
    );
    return sessions.map((session) => opened.get(session) ?? { mustRecheck: true });
  }

  #openUnder(lease: Lease | undefined, sessions: readonly NewSession[]): Promise<(0 | 1)[]> {
    const { ttlMs, sessionsMax } = this.limits;
    const createdAtMs = Date.now();
    const keys = sessions.map(({ sessionId }) => sessionKey(sessionId));
    const each = sessions.flatMap((session) => [
      ...profileArguments(session.profile),
      entryOf({ ...session, createdAtMs, expiresAtMs: createdAtMs + ttlMs }),
    ]);
    const replaced = sessions.flatMap(({ replaces, profile }) =>
      replaces ? replaces.flatMap((sessionId) => [sessionId, profile.username]) : [],
    );
    // A lease is never the empty string: without one, the script caches no profile.
    const valid = this.#guard.mayFill ? lease : undefined;
    const settings = [ttlMs, sessionsMax, valid ?? ""] as const;
    return this.redis.openSessions(keys.length, ...keys, ...settings, ...each, ...replaced);
  }
}
