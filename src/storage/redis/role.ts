import type { Redis } from "ioredis";

/** REDIS_URL names a server of the wrong kind: trying again would not help. */
export class WrongRedisError extends Error {
  override readonly name = "WrongRedisError";
}

const SENTINEL =
  "it is a Sentinel, which keeps no data: write redis-sentinel://host:port/?sentinelMasterId=name";

/**
 * Translate the error of a node that did not return the slots of its cluster. A Sentinel does not
 * know that command.
 */
export function sentinelOr(error: unknown): unknown {
  const isSentinel = error instanceof Error && error.message.startsWith("ERR unknown command");
  return isSentinel ? new WrongRedisError(SENTINEL, { cause: error }) : error;
}

export type RedisRole = "master" | "node of a cluster";

/**
 * Find out what a Redis is, and check that it takes commands.
 * @throws {WrongRedisError} it is a Sentinel, or has no such database
 * @throws {Error} it is a replica, which may become the master
 */
export async function roleOf(redis: Redis): Promise<RedisRole> {
  const info = await infoOf(redis);
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  if (field("redis_mode") === "sentinel") throw new WrongRedisError(SENTINEL);
  const { db = 0 } = redis.options;
  if (info ? field("cluster_enabled") === "1" : await hasClusterInfo(redis)) {
    if (db === 0) return "node of a cluster";
    throw new WrongRedisError("it is a node of a cluster, which has only database number 0");
  }
  if (field("role") === "slave") {
    const master = `${field("master_host")}:${field("master_port")}`;
    throw new Error(`it is a replica, which takes no writes: its master is ${master}`);
  }
  // If the number of the database is out of range, ioredis alone would use database 0 instead.
  await (db ? redis.select(db) : redis.ping());
  return "master";
}

/** For a user without the right to INFO. */
function hasClusterInfo(redis: Redis): Promise<boolean> {
  return redis.cluster("INFO").then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && /^(ERR|NOPERM) /.test(error.message)) return false;
      throw error;
    },
  );
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
