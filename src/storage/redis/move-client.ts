import type { Cluster, Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import { Availability, NodeAvailability } from "../availability.ts";
import { connectRedis } from "./client.ts";
import { connectCluster } from "./cluster-client.ts";
import { throwIfNoMaster } from "./role.ts";
import { MAX_COMMAND_MS } from "./timeouts.ts";

/** A command has time: its errors say what is wrong, so nothing is logged. */
const TIMEOUTS = { connectMs: 5_000, commandMs: MAX_COMMAND_MS };
const ignore = () => undefined;
const SILENT: Log = {
  ...{ debug: ignore, info: ignore, warn: ignore, error: ignore },
  isLevelEnabled: () => false,
};

/** Connect to the master of REDIS_URL, or to its cluster. */
export async function openMoveRedis(redisUrl: string): Promise<Redis | Cluster> {
  const urls = redisUrl.split(",");
  if (urls.length > 1) return connectCluster(urls, new NodeAvailability("Redis", SILENT), TIMEOUTS);
  const { redis, reasonOf } = connectRedis(redisUrl, new Availability("Redis", SILENT), TIMEOUTS);
  try {
    await throwIfNoMaster(redis);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw reasonOf(error);
  }
}
