import type { Cluster, Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import { Availability, NodeAvailability } from "../availability.ts";
import { connectRedis } from "./client.ts";
import { connectCluster } from "./cluster-client.ts";
import { MasterWatch } from "./master-watch.ts";
import { roleOf } from "./role.ts";
import { checkSentinels, connectBySentinels } from "./sentinel-client.ts";
import { addressOf, isSentinelUrl, parseSentinelUrl, type SentinelUrl } from "./sentinel-url.ts";
import { MAX_COMMAND_MS } from "./timeouts.ts";

/** A command has time: its errors say what is wrong, so nothing is logged. */
const TIMEOUTS = { connectMs: 5_000, commandMs: MAX_COMMAND_MS };
const ignore = () => undefined;
const SILENT: Log = {
  ...{ debug: ignore, info: ignore, warn: ignore, error: ignore },
  isLevelEnabled: () => false,
};

/** The Redis without secrets, such as "Redis at 10.0.0.5:6379". */
export function placeOf(redisUrl: string): string {
  if (isSentinelUrl(redisUrl)) {
    const { masterName, sentinels, db } = parseSentinelUrl(redisUrl);
    const hosts = sentinels.map(addressOf).join(", ");
    return `Redis "${masterName}" of the Sentinels at ${hosts}${db === 0 ? "" : `/${db}`}`;
  }
  const urls = redisUrl.split(",").map((url) => new URL(url));
  const number = urls[0]?.pathname.replace(/^\/0?$/, "") ?? "";
  return `Redis at ${urls.map(({ host }) => host).join(", ")}${number}`;
}

/** Connect to the master of REDIS_URL, or to its cluster. */
export async function openMoveRedis(redisUrl: string): Promise<Redis | Cluster> {
  if (isSentinelUrl(redisUrl)) return openBySentinels(parseSentinelUrl(redisUrl));
  const urls = redisUrl.split(",");
  if (urls.length > 1) return openCluster(urls);
  const { redis, reasonOf } = connectRedis(redisUrl, new Availability("Redis", SILENT), TIMEOUTS);
  try {
    if ((await roleOf(redis)) === "master") return redis;
  } catch (error) {
    redis.disconnect();
    throw reasonOf(error);
  }
  redis.disconnect();
  return openCluster(urls);
}

function openCluster(urls: readonly string[]): Promise<Cluster> {
  return connectCluster(urls, new NodeAvailability("Redis", SILENT), TIMEOUTS);
}

async function openBySentinels(url: SentinelUrl): Promise<Redis> {
  const watch = new MasterWatch(url, TIMEOUTS);
  try {
    await checkSentinels(url, watch, TIMEOUTS);
  } catch (error) {
    watch.close();
    throw error;
  }
  return connectBySentinels(url, watch, new Availability("Redis", SILENT), TIMEOUTS).redis;
}
