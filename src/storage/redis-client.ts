import { Redis } from "ioredis";
import type { Presence } from "./presence.ts";
import { SCRIPTS } from "./redis-scripts.ts";

const CONNECT_TIMEOUT_MS = 1_000;
/** Counted from when a command is sent. With auto-pipelining it may first wait for another's. */
const COMMAND_TIMEOUT_MS = 1_000;
/** A connection on which an answer is due, and nothing comes for so long, is given up. */
const SOCKET_TIMEOUT_MS = 2_000;
const LONGEST_BACKOFF_MS = 500;

/** A client of one Redis that reconnects by itself, and where every command's wait is bounded. */
export function connectRedis(redisUrl: string, presence: Presence): Redis {
  const redis = new Redis(redisUrl, {
    scripts: SCRIPTS,
    enableAutoPipelining: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    // One more connection is tried for commands that wait; what they ask for is safe to repeat.
    maxRetriesPerRequest: 1,
    retryStrategy: (attempts) => Math.min(attempts * 50, LONGEST_BACKOFF_MS),
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
