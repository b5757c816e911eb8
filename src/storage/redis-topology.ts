import type { Cluster, Redis } from "ioredis";
import {
  type FillArguments,
  keysOf,
  type ProfileReply,
  sessionKey,
  type UserKeys,
} from "./redis-scripts.ts";

/** How many a cluster has, as it says it. */
const SLOTS = "16384";

/**
 * Where the keys are. On one Redis, a script reaches a session and its user's keys together; in a
 * cluster these two have slots of their own, on servers of their own.
 */
export interface Topology {
  readonly redis: Redis | Cluster;
  /** Look a session up, and then read what is cached of its user. */
  find(sessionId: string, token: string, leaseMs: number): Promise<FoundReply | null>;
  /** Begin a session and fill the cache, of which the keys are given. */
  open(sessionId: string, keys: UserKeys, fill: FillArguments): Promise<unknown>;
  /** Rejects where there is no answer, or the answer is that not every key can be had. */
  ping(): Promise<unknown>;
}

export type FoundReply = readonly [username: string, ProfileReply];

/** One Redis: each in one round trip. */
export class OneRedis implements Topology {
  readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  find(sessionId: string, token: string, leaseMs: number): Promise<FoundReply | null> {
    return this.redis.findSession(sessionKey(sessionId), token, leaseMs);
  }

  open(sessionId: string, keys: UserKeys, fill: FillArguments): Promise<unknown> {
    return this.redis.openSession(sessionKey(sessionId), ...keys, ...fill);
  }

  ping(): Promise<unknown> {
    return this.redis.ping();
  }
}

/** A Redis Cluster: a command for the session and one for the user. */
export class RedisCluster implements Topology {
  readonly redis: Cluster;

  constructor(redis: Cluster) {
    this.redis = redis;
  }

  /** The session comes first, since it names the user. The profile is as fresh as its own read. */
  async find(sessionId: string, token: string, leaseMs: number): Promise<FoundReply | null> {
    const username = await this.redis.get(sessionKey(sessionId));
    if (username === null) return null;
    return [username, await this.redis.readProfile(...keysOf(username), token, leaseMs)];
  }

  /**
   * Both at once, as neither needs the other: a session without a cached profile is a miss, and a
   * profile filled under a lease is right whether or not the session begins. Where either fails,
   * the sign-in does, and a session that nobody was told of ends by itself.
   */
  async open(sessionId: string, keys: UserKeys, fill: FillArguments): Promise<void> {
    const [, username, , , ttlMs] = fill;
    await Promise.all([
      this.redis.set(sessionKey(sessionId), username, "PX", ttlMs),
      this.redis.fillProfile(...keys, ...fill),
    ]);
  }

  /** Any node knows which slots are served, once the nodes miss the one that does not answer. */
  async ping(): Promise<void> {
    const info = String(await this.redis.cluster("INFO"));
    const served = /^cluster_slots_ok:(\d+)/m.exec(info)?.[1] ?? "none";
    if (/^cluster_state:ok/m.test(info) && served === SLOTS) return;
    throw new Error(`${served} of ${SLOTS} slots are served`);
  }
}
