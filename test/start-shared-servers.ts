import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { startS3 } from "./s3.ts";
import { environmentOf } from "./shared-servers.ts";

/** For all files of a run together. */
const REDIS_DATABASES = 16_384;

export interface RunServers extends AsyncDisposable {
  /** Tells the test files where the servers are. */
  readonly environment: Record<string, string>;
}

/** Start what test files share, as far as it is installed. It ends with this process. */
export async function startSharedServers(): Promise<RunServers> {
  await using starting = new AsyncDisposableStack();
  const [mariaDb, redis, s3] = await Promise.all([
    hasMariaDb ? startMariaDb() : undefined,
    hasRedis ? startRedis(REDIS_DATABASES) : undefined,
    startS3(),
  ]);
  for (const server of [mariaDb, redis, s3]) if (server) starting.use(server);
  const started = starting.move();
  return {
    environment: environmentOf({
      ...(mariaDb && { mariaDbUrl: mariaDb.url }),
      ...(redis && { redisUrl: redis.url }),
      s3Port: s3.port,
    }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
