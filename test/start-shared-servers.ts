import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { startS3 } from "./s3.ts";
import { environmentOf } from "./shared-servers.ts";

/** For all files of a run together. */
const REDIS_DATABASES = 16_384;

/**
 * Start what test files share, as far as it is installed. It ends with this process.
 * @returns what tells the test files where it is
 */
export async function startSharedServers(): Promise<Record<string, string>> {
  const [mariaDb, redis, s3] = await Promise.all([
    hasMariaDb ? startMariaDb() : undefined,
    hasRedis ? startRedis(REDIS_DATABASES) : undefined,
    startS3(),
  ]);
  return environmentOf({
    ...(mariaDb && { mariaDbUrl: mariaDb.url }),
    ...(redis && { redisUrl: redis.url }),
    s3Port: s3.port,
  });
}
