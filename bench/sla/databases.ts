import { totalmem } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { startMariaDb } from "../../test/mariadb.ts";
import { startRedis } from "../../test/redis.ts";
import { HASHES } from "../report/results.ts";
import { run } from "../run.ts";

const ROOT = join(import.meta.dir, "../..");

/** The part of the memory that MariaDB gets as its buffer pool, as on a dedicated server. */
const MEMORY_SHARE = 0.25;

/** The MySQL and Redis servers that all contenders use. */
export interface Databases extends AsyncDisposable {
  /** By name, as in { "MariaDB": "10.11.14" }. */
  readonly versions: Readonly<Record<string, string>>;
  /** By name; empty if this run did not start the servers. */
  readonly pids: Readonly<Record<string, number>>;
  /** Fill a MySQL database with test users. @returns its URL */
  seeded(users: number, passwordHash: string): Promise<string>;
  /** Why there can be no users with this hash; undefined if there can. */
  refusalOf(passwordHash: string): string | undefined;
  /** Make a Redis database for one contender. @returns its URL */
  createRedis(): Promise<string>;
  /** Empty Redis, so that the sessions of one load do not slow down the next. */
  forgetSessions(): Promise<void>;
}

/** Use the servers that `DATABASE_URL` and `REDIS_URL` name, or start our own. */
export async function openDatabases(
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Databases> {
  const { DATABASE_URL, REDIS_URL, PASSWORD_HASH = HASHES.default } = variables;
  if (DATABASE_URL === undefined && REDIS_URL === undefined) return startDatabases();
  if (DATABASE_URL === undefined || REDIS_URL === undefined) {
    throw new Error("Cannot open the databases: set both DATABASE_URL and REDIS_URL, or neither");
  }
  return givenDatabases(DATABASE_URL, REDIS_URL, PASSWORD_HASH);
}

/** Their processes are not known, so their CPU time is not counted. */
async function givenDatabases(
  databaseUrl: string,
  redisUrl: string,
  configuredHash: string,
): Promise<Databases> {
  let redisDatabase = Number(new URL(redisUrl).pathname.slice(1));
  return {
    versions: { MySQL: await mysqlVersion(databaseUrl), Redis: await redisVersion(redisUrl) },
    pids: {},
    async seeded(users, passwordHash) {
      await seed(databaseUrl, users, passwordHash);
      return databaseUrl;
    },
    refusalOf: (passwordHash) =>
      passwordHash === configuredHash
        ? undefined
        : `the users in DATABASE_URL are hashed with PASSWORD_HASH ${configuredHash}`,
    async createRedis() {
      const url = new URL(redisUrl);
      url.pathname = `/${redisDatabase++}`;
      return url.href;
    },
    // Others may use the same Redis.
    forgetSessions: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Start a MariaDB and a Redis that end with this run. */
async function startDatabases(): Promise<Databases> {
  await using starting = new AsyncDisposableStack();
  const poolBytes = Math.floor(totalmem() * MEMORY_SHARE);
  const mariadb = starting.use(
    await startMariaDb({
      keepsEveryCommit: true,
      moreOptions: [
        `--innodb-buffer-pool-size=${poolBytes}`,
        "--innodb-log-file-size=512M",
        "--max-connections=2000",
      ],
    }),
  );
  const redis = starting.use(await startRedis());
  const versions = {
    MariaDB: await mysqlVersion(mariadb.url),
    Redis: await redisVersion(redis.url),
  };
  const running = starting.move();
  /** Each is filled once: loads remove the users that they add. */
  const filled = new Map<string, string>();
  return {
    versions,
    pids: { Redis: redis.pid, MariaDB: mariadb.pid },
    async seeded(users, passwordHash) {
      const key = `${users} ${passwordHash}`;
      const databaseUrl = filled.get(key) ?? (await mariadb.createDatabase());
      if (!filled.has(key)) await seed(databaseUrl, users, passwordHash);
      filled.set(key, databaseUrl);
      return databaseUrl;
    },
    refusalOf: () => undefined,
    createRedis: () => redis.createDatabase(),
    forgetSessions: () => emptyRedis(redis.url),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Fill a database, or continue if that was interrupted. */
async function seed(databaseUrl: string, users: number, passwordHash: string): Promise<void> {
  await run([process.execPath, "src/seed-main.ts", "--users", `${users}`], {
    folder: ROOT,
    environment: { DATABASE_URL: databaseUrl, PASSWORD_HASH: passwordHash },
  });
}

async function mysqlVersion(url: string): Promise<string> {
  await using connection = await createConnection(url);
  const [[row]] = await connection.query<RowDataPacket[]>("SELECT VERSION() AS version");
  return String(row?.version).replace(/-.*/, "");
}

async function emptyRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.flushall());
}

async function redisVersion(url: string): Promise<string> {
  const info = await withRedis(url, (redis) => redis.info("server"));
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? "?";
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
