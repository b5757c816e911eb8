import type { Redis } from "ioredis";

/** What REDIS_URL names will never do: trying again would not help. */
export class WrongRedisError extends Error {
  override readonly name = "WrongRedisError";
}

const SENTINEL = "it is a Sentinel, which keeps no data: name the master it watches";

/** What a node of a cluster has answered when it was asked for the others. */
export function sentinelOr(error: unknown): unknown {
  const isSentinel = error instanceof Error && error.message.startsWith("ERR unknown command");
  return isSentinel ? new WrongRedisError(SENTINEL, { cause: error }) : error;
}

/**
 * See that a Redis is one for itself, and takes writes as far as its role goes.
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
  // Where the database's number is out of range, ioredis alone would go on with database 0.
  await (db ? redis.select(db) : redis.ping());
}

/** Who may not ask (as with -@dangerous) is taken to have a master. */
async function infoOf(redis: Redis): Promise<string> {
  try {
    return await redis.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("NOPERM ")) return "";
    throw error;
  }
}
