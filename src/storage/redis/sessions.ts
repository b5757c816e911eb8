import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type { CachedProfile, FoundSession, Lease, SessionStore } from "../../user/stores.ts";
import { attempt, storageError } from "../attempt.ts";
import { closedKey, keysOf, profileArguments, sessionKey } from "./scripts.ts";
import type { Topology } from "./topology.ts";

/** Longer than any UPDATE lives: its statement ends within seconds, on both sides. */
const DIRTY_MS = 60_000;
/** More than any command waits: until then ioredis may send it again on another connection. */
const REPEAT_MS = 10_000;
const DROP_ATTEMPTS = 3;
const DROP_BACKOFF_MS = 50;
const LONGEST_DROP_BACKOFF_MS = 1_000;

/** Sessions and cached profiles in Redis. Every key that is set expires by itself. */
export class RedisSessions implements SessionStore {
  readonly database = "Redis";
  readonly #topology: Topology;
  readonly #redis: Redis | Cluster;
  readonly #log: Log;
  #isOpen = true;

  /** @param topology its client becomes the store's own, to be closed with it */
  constructor(topology: Topology, log: Log) {
    this.#topology = topology;
    this.#redis = topology.redis;
    this.#log = log;
  }

  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void> {
    return this.#topology.open(sessionId, profile, lease);
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.#topology.find(sessionId);
  }

  close(sessionId: string): Promise<boolean> {
    // It would divide the keys between two slots of a cluster. No session of ours has one.
    if (/[{}]/.test(sessionId)) return Promise.resolve(false);
    const keys = [sessionKey(sessionId), closedKey(sessionId, randomUUID())] as const;
    return attempt("close session", async () => {
      return (await this.#redis.closeSession(...keys, REPEAT_MS)) > 0;
    });
  }

  lease(username: string): Promise<Lease | undefined> {
    return this.#topology.lease(username);
  }

  async fill(profile: CachedProfile, lease: Lease): Promise<void> {
    const keys = keysOf(profile.username);
    const { ttlMs } = this.#topology.times;
    await attempt("cache profile", () =>
      this.#redis.fillProfile(...keys, lease, ...profileArguments(profile), ttlMs),
    );
  }

  async invalidating<T>(username: string, update: () => Promise<T>): Promise<T> {
    const writer = randomUUID();
    const mark = () => this.#redis.markDirty(...keysOf(username), writer, DIRTY_MS);
    await attempt("invalidate profile", mark);
    let result: T;
    try {
      result = await update();
    } catch (error) {
      // Nobody knows whether the database will still carry it out. The mark stays until it expires,
      // and until then readers go to the database. Redis may have forgotten it: it is set again.
      void this.#untilDone(mark, DIRTY_MS);
      throw error;
    }
    const { leaseMs } = this.#topology.times;
    const keys = [...keysOf(username), this.#topology.latestLease(username)] as const;
    await this.#drop(() => this.#redis.clearDirty(...keys, writer, leaseMs));
    return result;
  }

  async ping(): Promise<void> {
    await this.#topology.ping();
  }

  async disconnect(): Promise<void> {
    this.#isOpen = false;
    try {
      await attempt("disconnect from Redis", () => this.#redis.quit());
    } finally {
      this.#redis.disconnect();
    }
  }

  async #drop(clear: () => Promise<unknown>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      try {
        await clear();
        return;
      } catch (cause) {
        if (attempts === DROP_ATTEMPTS) {
          void this.#dropInBackground(clear);
          throw storageError("invalidate profile", cause);
        }
      }
      await sleep(attempts * DROP_BACKOFF_MS);
    }
  }

  async #dropInBackground(clear: () => Promise<unknown>): Promise<void> {
    this.#log.warn("dropping a cached profile failed: trying until it succeeds");
    if (await this.#untilDone(clear)) this.#log.info("dropped the cached profile that was left");
  }

  /**
   * Try it until it succeeds, for at most `forMs` and as long as the store is open. As many of
   * these run as updates were under way when Redis went, and no more: without Redis none begins.
   */
  async #untilDone(command: () => Promise<unknown>, forMs = Infinity): Promise<boolean> {
    const endsAt = performance.now() + forMs;
    for (let backoffMs = DROP_BACKOFF_MS; this.#isOpen && performance.now() < endsAt; ) {
      try {
        await command();
        return true;
      } catch (error) {
        this.#log.debug({ why: storageError("invalidate profile", error).message }, "still trying");
      }
      await sleep(backoffMs, undefined, { ref: false });
      backoffMs = Math.min(2 * backoffMs, LONGEST_DROP_BACKOFF_MS);
    }
    return false;
  }
}
