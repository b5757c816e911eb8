import { Redis } from "ioredis";
import { type Databases, redisNumbersOn, TEST_REDIS_URL } from "./own-servers.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { sharedRedisNumbers, sharedServers } from "./shared-servers.ts";
import { type Recipe, ThrowAwayServer } from "./throw-away.ts";

const DATABASES = 512;

const binary = programPath(PROGRAMS.redis);

/** Whether this machine has Redis. Suites that need it are skipped, by name, where it has not. */
export const available = binary !== undefined;

/** Whether there is one for tests that do not hurt it: this machine's, or one's own. */
export const sharedAvailable = available || TEST_REDIS_URL !== undefined;

export interface RedisServer extends Databases, AsyncDisposable {
  readonly pid: number;
  /** End the server at once. It keeps nothing. */
  kill(): Promise<void>;
  /** Start again, empty, on the same port. */
  restart(): Promise<void>;
}

/** A Redis that keeps nothing, with these options beside. */
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

/** Ask the server at a port of this machine, on a connection of its own. */
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

/** Start a Redis of one's own. Tests that do not hurt it share one: `sharedRedis()`. */
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

/**
 * The Redis that TEST_REDIS_URL names; or that of this run of tests; or that of this test process,
 * which starts at first use and ends with the process.
 */
export function sharedRedis(): Promise<Databases> {
  shared ??= findShared();
  return shared;
}

async function findShared(): Promise<Databases> {
  if (TEST_REDIS_URL !== undefined) return redisNumbersOn(TEST_REDIS_URL);
  const { redisUrl } = sharedServers;
  return redisUrl === undefined ? startRedis() : sharedRedisNumbers(redisUrl);
}
