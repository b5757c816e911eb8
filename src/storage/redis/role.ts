import type { Redis } from "ioredis";

/** REDIS_URL names a server of the wrong kind: trying again would not help. */
export class WrongRedisError extends Error {
  override readonly name = "WrongRedisError";
}

const SENTINEL = "it is a Sentinel, which keeps no data: name the master it watches";

/**
 * Translate the error of a node that did not return the slots of its cluster. A Sentinel does not
 * know that command.
 */
export function sentinelOr(error: unknown): unknown {
  const isSentinel = error instanceof Error && error.message.startsWith("ERR unknown command");
  return isSentinel ? new WrongRedisError(SENTINEL, { cause: error }) : error;
}

/**
 * Check that a Redis is not part of a cluster, and that it is a master.
 * @throws {WrongRedisError} a Sentinel, or a node of a cluster
 * @throws {Error} a replica, which may become the master
 */
export async function throwIfNoMaster(redis: Redis): Promise<void> {
  const info = await infoOf(redis);
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  if (field("redis_mode") === "sentinel") {
    throw new WrongRedisError(SENTINEL);
  }
  if (field("cluster_enabled") === "1") {
    throw new WrongRedisError(
      "it is a node of a cluster: name several of its addresses, by commas",
    );
  }
  if (field("role") === "slave") {
    const master = `${field("master_host")}:${field("master_port")}`;
    throw new Error(`it is a replica, which takes no writes: name its master, ${master}`);
  }
  const { db = 0 } = redis.options;
  // If the number of the database is out of range, ioredis alone would use database 0 instead.
  await (db ? redis.select(db) : redis.ping());
}

/**
 * The answer to INFO; "" if the user lacks the right to it (`-@dangerous`). The server then passes
 * as a master.
 */
async function infoOf(redis: Redis): Promise<string> {
  try {
    return await redis.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("NOPERM ")) return "";
    throw error;
  }
}
