import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type {
  CachedProfile,
  Ending,
  FoundSession,
  Lease,
  NewSession,
  OpenedSession,
  SessionStore,
  StoredSession,
} from "../../user/stores.ts";
import type { attempt } from "../attempt.ts";
import { type ObserveOperation, observing } from "../observe.ts";
import { insertedMark } from "./fill.ts";
import {
  closedKey,
  hasBraces,
  keysOf,
  latestLeaseKey,
  leaseKey,
  profileArguments,
  sessionKey,
} from "./keys.ts";
import { Recovery } from "./recovery.ts";
import { SETTLING } from "./scripts.ts";

/** How long a writer's mark lasts. An UPDATE ends within seconds, on both sides. */
export const DIRTY_MS = 60_000;
/** Longer than any command waits. Until then, ioredis may repeat a command on a new connection. */
export const REPEAT_MS = 10_000;
const DROP_ATTEMPTS = 3;
const DROP_BACKOFF_MS = 50;
const LONGEST_DROP_BACKOFF_MS = 1_000;

/** The lifetimes of keys, and the most sessions of a user. */
export interface Limits {
  /** Sessions and cached profiles. */
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly sessionsMax: number;
}

/** How the cache of this server was used. */
export interface CacheCounts {
  /** Live sessions that were read with and without the profile of their user. */
  readonly hits: number;
  readonly misses: number;
  /** Leases that were granted, and refused because Redis is full or read-only. */
  readonly leases: number;
  readonly noLeases: number;
  /** Fills by readers, and those without effect: an update came in between. */
  readonly fills: number;
  readonly noFills: number;
}

/**
 * Sessions and cached profiles in Redis. Every key expires. docs/cache.md says why a cached profile
 * is never stale.
 *
 * On one Redis, a script reaches the keys of many sessions and users at once. In a cluster, each
 * session and each user has its own slot. The two subclasses differ in that.
 */
export abstract class RedisSessions<Client extends Redis | Cluster = Redis | Cluster>
  implements SessionStore
{
  readonly database = "Redis";
  protected readonly redis: Client;
  protected readonly attempt: typeof attempt;
  protected readonly limits: Limits;
  protected readonly log: Log;
  protected readonly recovery = new Recovery();
  readonly #cache = { hits: 0, misses: 0, leases: 0, noLeases: 0, fills: 0, noFills: 0 };
  #isOpen = true;

  /** @param redis is connected; the store owns it and closes it */
  constructor(redis: Client, limits: Limits, log: Log, observe?: ObserveOperation) {
    this.redis = redis;
    this.attempt = observing("redis", observe);
    this.limits = limits;
    this.log = log;
  }

  abstract open(session: NewSession): Promise<OpenedSession>;
  abstract find(sessionId: string): Promise<FoundSession | undefined>;
  abstract list(username: string): Promise<StoredSession[]>;
  abstract end(username: string, sessionIds: readonly string[]): Promise<number>;
  abstract endAll(username: string, except?: string): Promise<number>;
  abstract lease(username: string): Promise<Lease | undefined>;
  abstract ping(): Promise<void>;
  protected abstract closeStored(
    sessionId: string,
    session: string,
    closed: string,
  ): Promise<string | null>;
  /** The key that exists until the last lease for this user has ended. */
  protected abstract latestLease(username: string): string;

  get cacheCounts(): CacheCounts {
    return this.#cache;
  }

  close(sessionId: string): Promise<string | undefined> {
    if (hasBraces(sessionId)) return Promise.resolve(undefined);
    const keys = [sessionKey(sessionId), closedKey(sessionId, randomUUID())] as const;
    return this.attempt("close session", async () => {
      return (await this.closeStored(sessionId, ...keys)) ?? undefined;
    });
  }

  async fill(profile: CachedProfile, lease: Lease): Promise<void> {
    const filled = await this.attempt("cache profile", () => this.fillUnder(profile, lease));
    if (filled === null) this.#cache.noFills++;
    else this.#cache.fills++;
  }

  inserting(profile: CachedProfile, insert: () => Promise<boolean>): Promise<boolean> {
    return this.invalidating(profile.username, insert, undefined, profile);
  }

  /** @param inserted the profile of the row that the update inserts, if its result is truthy */
  async invalidating<T>(
    username: string,
    update: () => Promise<T>,
    ending?: Ending,
    inserted?: CachedProfile,
  ): Promise<T> {
    const writer = randomUUID();
    const mark = () =>
      this.attempt("invalidate profile", () =>
        this.redis.markDirty(...keysOf(username), writer, DIRTY_MS),
      );
    await this.marking(mark);
    let result: T;
    try {
      result = await update();
    } catch (error) {
      // The database may still carry the update out. Until the mark expires, readers go to the
      // database. The mark is set again, since Redis may have lost it.
      void this.#retry(mark, DIRTY_MS);
      throw error;
    }
    const keys = [...keysOf(username), this.latestLease(username)] as const;
    const staying = inserted && result ? insertedMark(inserted) : SETTLING;
    let mustEnd = Boolean(ending && result);
    const clear = async () => {
      // The sessions end before the mark is removed, so that a sign-in with the old password either
      // has a session that ends here, or finds the mark.
      if (mustEnd) await this.endAll(username, ending?.except);
      mustEnd = false;
      await this.redis.clearDirty(...keys, writer, this.limits.leaseMs, staying);
    };
    await this.#drop(() => this.attempt("drop profile", clear));
    return result;
  }

  async disconnect(): Promise<void> {
    this.#isOpen = false;
    // QUIT lets running commands end. A Redis that does not answer has nothing more to do.
    await this.redis.quit().catch(() => undefined);
    this.redis.disconnect();
  }

  /** Set a mark before an update. */
  protected async marking(mark: () => Promise<unknown>): Promise<void> {
    await mark();
  }

  protected fillUnder(profile: CachedProfile, lease: Lease): Promise<unknown> {
    const keys = keysOf(profile.username);
    return this.redis.fillProfile(...keys, lease, ...profileArguments(profile), this.limits.ttlMs);
  }

  /** @returns undefined if Redis is full or read-only: its keys can still be read */
  protected async grant(username: string): Promise<Lease | undefined> {
    const lease = leaseKey(username, randomUUID());
    const latest = latestLeaseKey(username);
    const granted = await this.redis.grantLease(lease, latest, this.limits.leaseMs);
    if (granted === null) this.#cache.noLeases++;
    else this.#cache.leases++;
    return granted === null ? undefined : lease;
  }

  /** A session, with its user's profile if both fields are cached. */
  protected found(
    username: string,
    nickname: string | null = null,
    profilePath: string | null = null,
  ): FoundSession {
    if (nickname === null || profilePath === null) {
      this.#cache.misses++;
      return { username };
    }
    this.#cache.hits++;
    return { username, profile: { username, nickname, profilePath } };
  }

  async #drop(clear: () => Promise<unknown>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      try {
        await clear();
        return;
      } catch (error) {
        if (attempts === DROP_ATTEMPTS) {
          void this.#dropInBackground(clear);
          throw error;
        }
      }
      await sleep(attempts * DROP_BACKOFF_MS);
    }
  }

  async #dropInBackground(clear: () => Promise<unknown>): Promise<void> {
    this.log.warn("cannot drop a cached profile: trying until it succeeds");
    if (await this.#retry(clear)) this.log.info("dropped the cached profile");
  }

  /**
   * Try a command until it succeeds, for at most `forMs` and while the store is open. While Redis
   * is down, no update begins, so only updates that were in progress when Redis went down retry
   * here.
   */
  async #retry(command: () => Promise<unknown>, forMs = Infinity): Promise<boolean> {
    const endsAtMs = performance.now() + forMs;
    for (let backoffMs = DROP_BACKOFF_MS; this.#isOpen && performance.now() < endsAtMs; ) {
      try {
        await command();
        return true;
      } catch (error) {
        this.log.debug({ err: error }, "still trying");
      }
      await sleep(backoffMs, undefined, { ref: false });
      backoffMs = Math.min(2 * backoffMs, LONGEST_DROP_BACKOFF_MS);
    }
    return false;
  }
}
