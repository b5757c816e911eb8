import type { Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type { FailureStore, SessionStore } from "../../user/stores.ts";
import { Availability, NodeAvailability } from "../availability.ts";
import type { ObserverOptions } from "../observe.ts";
import { retryUntilAvailable } from "../retry.ts";
import { CertificateError, connectRedis } from "./client.ts";
import { connectCluster } from "./cluster-client.ts";
import { ClusterSessions } from "./cluster-sessions.ts";
import { warnIfEvicting } from "./eviction.ts";
import { RedisFailures } from "./failures.ts";
import { MasterWatch } from "./master-watch.ts";
import { type RedisRole, roleOf, WrongRedisError } from "./role.ts";
import { checkSentinels, connectBySentinels } from "./sentinel-client.ts";
import { addressOf, isSentinelUrl, parseSentinelUrl } from "./sentinel-url.ts";
import type { CacheCounts, Limits } from "./sessions.ts";
import { SingleRedisSessions } from "./single-sessions.ts";
import { DEFAULT_TIMEOUTS, type RedisTimeouts } from "./timeouts.ts";

interface RedisOptions extends ObserverOptions {
  readonly redisTimeouts?: RedisTimeouts;
  readonly log: Log;
}

interface RedisStores {
  readonly sessions: SessionStore;
  readonly failures: FailureStore;
  cacheCounts(): CacheCounts;
}

/**
 * Open the stores of `REDIS_URL`. Waits while Redis cannot be reached.
 * @throws {StorageError} Redis refuses: waiting would not help
 */
export async function openRedis(
  redisUrl: string,
  limits: Limits,
  options: RedisOptions,
): Promise<RedisStores> {
  if (isSentinelUrl(redisUrl)) return openSentinels(redisUrl, limits, options);
  const urls = redisUrl.split(",");
  if (urls.length > 1) return openCluster(urls, limits, options);
  const { log, redisTimeouts = DEFAULT_TIMEOUTS } = options;
  const availability = new Availability(`Redis at ${new URL(redisUrl).host} (REDIS_URL)`, log);
  const { redis, reasonOf } = connectRedis(redisUrl, availability, redisTimeouts);
  let role: RedisRole;
  try {
    role = await retryUntilAvailable(availability, isRedisDown, () =>
      roleOf(redis).catch((error: unknown) => {
        throw reasonOf(error);
      }),
    );
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  if (role === "master") return openSessions(redis, limits, options);
  redis.disconnect();
  return openCluster(urls, limits, options);
}

async function openSentinels(
  redisUrl: string,
  limits: Limits,
  options: RedisOptions,
): Promise<RedisStores> {
  const { log, redisTimeouts = DEFAULT_TIMEOUTS } = options;
  const url = parseSentinelUrl(redisUrl);
  const hosts = url.sentinels.map(addressOf).join(", ");
  const availability = new Availability(
    `Redis "${url.masterName}" of the Sentinels at ${hosts} (REDIS_URL)`,
    log,
  );
  const watch = new MasterWatch(url, redisTimeouts);
  try {
    await retryUntilAvailable(availability, isRedisDown, () =>
      checkSentinels(url, watch, redisTimeouts),
    );
  } catch (error) {
    watch.close();
    throw error;
  }
  const { redis } = connectBySentinels(url, watch, availability, redisTimeouts);
  await new Promise((resolve) => redis.once("ready", resolve));
  return openSessions(redis, limits, options, watch);
}

async function openSessions(
  redis: Redis,
  limits: Limits,
  options: RedisOptions,
  watch?: MasterWatch,
): Promise<RedisStores> {
  await warnIfEvicting([redis], options.log);
  const sessions = new SingleRedisSessions(redis, limits, options.log, options, watch);
  await sessions.start();
  const cacheCounts = () => sessions.cacheCounts;
  return { sessions, failures: new RedisFailures(redis, options.observe), cacheCounts };
}

async function openCluster(
  urls: readonly string[],
  limits: Limits,
  { log, observe, redisTimeouts = DEFAULT_TIMEOUTS }: RedisOptions,
): Promise<RedisStores> {
  const hosts = urls.map((url) => new URL(url).host);
  const availability = new Availability(`Redis Cluster at ${hosts.join(", ")} (REDIS_URL)`, log);
  const nodes = new NodeAvailability("Redis", log);
  const cluster = await retryUntilAvailable(availability, isRedisDown, () =>
    connectCluster(urls, nodes, redisTimeouts),
  );
  await warnIfEvicting(cluster.nodes("master"), log);
  const sessions = new ClusterSessions(cluster, limits, log, observe);
  const cacheCounts = () => sessions.cacheCounts;
  return { sessions, failures: new RedisFailures(cluster, observe), cacheCounts };
}

/**
 * Whether waiting may help: Redis does not answer, or is a replica that may become the master.
 * False if Redis refuses: wrong password, certificate or kind of server.
 */
function isRedisDown(cause: unknown): boolean {
  if (cause instanceof WrongRedisError || cause instanceof CertificateError) return false;
  return !(cause instanceof Error && /^(ERR|WRONGPASS|NOAUTH|NOPERM) /.test(cause.message));
}
