import { Redis } from "ioredis";
import { type Databases, redisNumbersOn, TEST_REDIS_URL } from "./own-servers.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { sharedRedisNumbers, sharedServers } from "./shared-servers.ts";
import { type Recipe, ThrowAwayServer } from "./throw-away.ts";

const DATABASES = 512;

const binary = programPath(PROGRAMS.redis);

/** Whether Redis is installed. If not, the suites that need it are skipped by name. */
export const available = binary !== undefined;

/** Whether `sharedRedis()` has a server: an installed one, or that of TEST_REDIS_URL. */
export const sharedAvailable = available || TEST_REDIS_URL !== undefined;

export interface RedisServer extends Databases, AsyncDisposable {
  readonly pid: number;
  /** Kill the server. It keeps no data. */
  kill(): Promise<void>;
  /** Start again, empty, on the same port. */
  restart(): Promise<void>;
}

/** A Redis that keeps no data on disk, with these options in addition. */
export function redisRecipe(options: (port: number) => string[]): Recipe {
  return {
    name: "Redis",
    command: (_folder, port) => [
      binary ?? "redis-server",
      ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      ...options(port),
    ],
    connect: (port, { pid }) =>
      askRedis(port, async (redis) => {
        const info = await redis.info("server");
        if (!info.includes(`process_id:${pid}\r`)) throw new Error("another server answers");
      }),
  };
}

/** Run commands on the Redis at a local port, on a new connection. */
export async function askRedis<T>(port: number, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => null });
  // connect() reports it; without a listener, ioredis prints every refused connection.
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

/** Start a Redis for one test. Tests that do not break it share one: `sharedRedis()`. */
export async function startRedis(numbers = DATABASES): Promise<RedisServer> {
  const server = await ThrowAwayServer.start(redisRecipe(() => ["--databases", String(numbers)]));
  const url = `redis://127.0.0.1:${server.port}`;
  let databases = 0;
  return {
    url,
    get pid() {
      return server.pid;
    },
    async createDatabase() {
      if (databases === numbers) throw new Error(`Cannot create database: all ${numbers} used`);
      return `${url}/${databases++}`;
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.dispose(),
  };
}

let shared: Promise<Databases> | undefined;
let unshared: Promise<Databases> | undefined;

/**
 * A server that tests share: the one that TEST_REDIS_URL names, or that of this test run, or one
 * that this test process starts at first use.
 */
export function sharedRedis(): Promise<Databases> {
  shared ??= findShared();
  return shared;
}

async function findShared(): Promise<Databases> {
  const { redisUrl } = sharedServers;
  if (TEST_REDIS_URL !== undefined || redisUrl === undefined) return unsharedRedis();
  return sharedRedisNumbers(redisUrl);
}

/**
 * A server for this test process alone, for tests that change its settings. TEST_REDIS_URL
 * overrides it, too.
 */
export function unsharedRedis(): Promise<Databases> {
  unshared ??=
    TEST_REDIS_URL === undefined ? startRedis() : Promise.resolve(redisNumbersOn(TEST_REDIS_URL));
  return unshared;
}
