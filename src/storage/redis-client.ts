import { Redis } from "ioredis";
import type { Presence } from "./presence.ts";
import { SCRIPTS } from "./redis-scripts.ts";

const LONGEST_BACKOFF_MS = 500;

/** How long anything may take on a connection to Redis, to one server or to a node of a cluster. */
export const TIMEOUTS = {
  connectTimeout: 1_000,
  /** Counted from when a command is sent. With auto-pipelining it may first wait for another's. */
  commandTimeout: 1_000,
  /** A connection on which an answer is due, and nothing comes for so long, is given up. */
  socketTimeout: 2_000,
} as const;

export function backoffMs(attempts: number): number {
  return Math.min(attempts * 50, LONGEST_BACKOFF_MS);
}

/** A client of one Redis that reconnects by itself, and where every command's wait is bounded. */
export function connectRedis(redisUrl: string, presence: Presence): Redis {
  const redis = new Redis(redisUrl, {
    ...TIMEOUTS,
    scripts: SCRIPTS,
    enableAutoPipelining: true,
    // Those that have been gathered already.
    autoPipeliningIgnoredCommands: ["findSessions", "openSessions"],
    // One more connection is tried for commands that wait; what they ask for is safe to repeat.
    maxRetriesPerRequest: 1,
    retryStrategy: backoffMs,
    // After a failover the old address may lead to a replica; its name resolves anew.
    reconnectOnError: (error) => error.message.includes("READONLY"),
  });
  let why: unknown;
  redis.on("error", (error: unknown) => {
    why = error;
  });
  redis.on("reconnecting", () => presence.away(why ?? "connection closed"));
  redis.on("ready", () => {
    why = undefined;
    presence.there();
  });
  return redis;
}
