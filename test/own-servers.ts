// Your own servers for the tests of storage and contract: TEST_DATABASE_URL and TEST_REDIS_URL. The
// tests touch only databases that this file has created or found empty.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";

/** `mysql://user:password@host:port`, of a user who may create databases. */
export const TEST_DATABASE_URL = process.env.TEST_DATABASE_URL || undefined;
/** `redis://user:password@host:port` */
export const TEST_REDIS_URL = process.env.TEST_REDIS_URL || undefined;

/** Creates empty databases for single tests. */
export interface Databases {
  /** URL of the server, without a database. */
  readonly url: string;
  createDatabase(): Promise<string>;
}

/** Databases on a running MySQL. They are dropped when this process ends, however it ends. */
export function databasesOn(serverUrl: string): Databases {
  const url = serverUrl.replace(/\/+$/, "");
  const prefix = `portico_test_${randomUUID().slice(0, 8)}_`;
  let databases = 0;
  let isCleaned = false;
  return {
    url,
    async createDatabase() {
      if (!isCleaned) startCleaner({ databaseUrl: url, prefix });
      isCleaned = true;
      const name = `${prefix}${++databases}`;
      await query(url, `CREATE DATABASE ${name}`);
      return `${url}/${name}`;
    },
  };
}

/**
 * The empty database numbers of a running Redis. After the last one, they are emptied and used
 * again. They are emptied when this process ends.
 */
export function redisNumbersOn(serverUrl: string): Databases {
  const url = serverUrl.replace(/\/+$/, "");
  let free: Promise<number[]> | undefined;
  let turn = 0;
  return {
    url,
    async createDatabase() {
      free ??= emptyNumbers(url).then((numbers) => {
        startCleaner({ redisUrl: url, numbers });
        return numbers;
      });
      const numbers = await free;
      const number = numbers[turn++ % numbers.length];
      await ask(`${url}/${number}`, (redis) => redis.flushdb());
      return `${url}/${number}`;
    },
  };
}

async function emptyNumbers(url: string): Promise<number[]> {
  return ask(url, async (redis) => {
    const [, databases = "16"] = await configOf(redis, "databases");
    const used = Array.from((await redis.info("keyspace")).matchAll(/^db(\d+):/gm), ([, n]) => n);
    const all = Array.from({ length: Number(databases) }, (_, number) => number);
    const numbers = all.filter((number) => !used.includes(`${number}`));
    if (numbers.length > 1) return numbers;
    throw new Error("Cannot test on TEST_REDIS_URL: hardly any of its databases is empty");
  });
}

async function configOf(redis: Redis, name: string): Promise<string[]> {
  const found: unknown = await redis.config("GET", name);
  return Array.isArray(found) ? found.map(String) : [];
}

async function ask<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined); // connect() rejects with it.
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function query(url: string, sql: string): Promise<unknown> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

type Remains =
  | { readonly databaseUrl: string; readonly prefix: string }
  | { readonly redisUrl: string; readonly numbers: readonly number[] };

/** Kept: a collected cleaner would start to clean at once. */
const cleaners: Bun.Subprocess[] = [];

/** Start a process that cleans up when its standard input ends, which is when this process ends. */
function startCleaner(remains: Remains): void {
  const cleaner = Bun.spawn([process.execPath, join(import.meta.dir, "own-servers.ts")], {
    env: { ...process.env, PORTICO_TEST_REMAINS: JSON.stringify(remains) },
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  cleaner.unref();
  cleaners.push(cleaner);
}

async function clean(remains: Remains): Promise<void> {
  if ("redisUrl" in remains) {
    await ask(remains.redisUrl, async (redis) => {
      for (const number of remains.numbers) await redis.multi().select(number).flushdb().exec();
    });
    return;
  }
  const rows = await query(remains.databaseUrl, "SHOW DATABASES");
  for (const row of Array.isArray(rows) ? rows : []) {
    const [name = ""] = Object.values(row).map(String);
    if (name.startsWith(remains.prefix)) await query(remains.databaseUrl, `DROP DATABASE ${name}`);
  }
}

if (import.meta.main) {
  await Bun.stdin.text();
  const remains = JSON.parse(process.env.PORTICO_TEST_REMAINS ?? "{}");
  await clean(remains).catch((error: unknown) => console.error(`Cannot clean up: ${error}`));
}
