import { totalmem } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { startMariaDb } from "../../test/mariadb.ts";
import { startRedis } from "../../test/redis.ts";
import { run } from "../run.ts";
import { HASHES } from "./loads.ts";

const ROOT = join(import.meta.dir, "../..");

/** As a server that is meant to hold many users would have it. */
const MEMORY_SHARE = 0.25;

/** What all contenders keep their data in. */
export interface Databases extends AsyncDisposable {
  /** By name, as in { "MariaDB": "10.11.14" }. */
  readonly versions: Readonly<Record<string, string>>;
  /** By name; empty where the servers are somebody else's. */
  readonly pids: Readonly<Record<string, number>>;
  /** A MySQL database with so many test users, whose passwords are hashed in this way. */
  seeded(users: number, passwordHash: string): Promise<string>;
  /** Why such users cannot be had. */
  refusalOf(passwordHash: string): string | undefined;
  /** A Redis database for one contender. */
  createRedis(): Promise<string>;
  /** Empty Redis, so that what one load has left does not weigh on the next. */
  forgetSessions(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Those that `DATABASE_URL` and `REDIS_URL` name, or our own. */
export async function openDatabases(environment: Environment): Promise<Databases> {
  const { DATABASE_URL, REDIS_URL, PASSWORD_HASH = HASHES.default } = environment;
  if (DATABASE_URL === undefined && REDIS_URL === undefined) return startDatabases();
  if (DATABASE_URL === undefined || REDIS_URL === undefined) {
    throw new Error("Cannot use the databases named: it takes both DATABASE_URL and REDIS_URL");
  }
  return givenDatabases(DATABASE_URL, REDIS_URL, PASSWORD_HASH);
}

/** Of those only what clients see is known: their CPU time is not counted. */
async function givenDatabases(
  databaseUrl: string,
  redisUrl: string,
  itsHash: string,
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
      passwordHash === itsHash
        ? undefined
        : `the users of DATABASE_URL have the PASSWORD_HASH ${itsHash}`,
    async createRedis() {
      const url = new URL(redisUrl);
      url.pathname = `/${redisDatabase++}`;
      return url.href;
    },
    // They may be somebody else's.
    forgetSessions: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A MariaDB and a Redis of our own, which end with us. */
async function startDatabases(): Promise<Databases> {
  const stack = new AsyncDisposableStack();
  try {
    const poolBytes = Math.floor(totalmem() * MEMORY_SHARE);
    const mariadb = stack.use(
      await startMariaDb({
        keepsEveryCommit: true,
        moreOptions: [
          `--innodb-buffer-pool-size=${poolBytes}`,
          ...["--innodb-log-file-size=512M", "--max-connections=2000"],
        ],
      }),
    );
    const redis = stack.use(await startRedis());
    const versions = {
      MariaDB: await mysqlVersion(mariadb.url),
      Redis: await redisVersion(redis.url),
    };
    const resources = stack.move();
    /** Filled once: what the loads add to them, they take away. */
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
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Fill a database, or go on where that was stopped. */
async function seed(databaseUrl: string, users: number, passwordHash: string): Promise<void> {
  await run([process.execPath, "src/seed-main.ts", "--users", `${users}`], {
    folder: ROOT,
    environment: { DATABASE_URL: databaseUrl, PASSWORD_HASH: passwordHash },
  });
}

async function mysqlVersion(url: string): Promise<string> {
  const connection = await createConnection(url);
  try {
    const [[row]] = await connection.query<RowDataPacket[]>("SELECT VERSION() AS version");
    return String(row?.version).replace(/-.*/, "");
  } finally {
    connection.destroy();
  }
}

async function emptyRedis(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    return /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "?";
  } finally {
    redis.disconnect();
  }
}
