import { totalmem } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { startMariaDb } from "../../test/mariadb.ts";
import { startRedis } from "../../test/redis.ts";

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
  /** A Redis database for one contender, empty. */
  createRedis(): Promise<string>;
}

/** A MariaDB and a Redis of our own, which end with us. */
export async function startDatabases(): Promise<Databases> {
  const stack = new AsyncDisposableStack();
  try {
    const poolBytes = Math.floor(totalmem() * MEMORY_SHARE);
    const mariadb = stack.use(
      await startMariaDb({
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
    return {
      versions,
      pids: { Redis: redis.pid, MariaDB: mariadb.pid },
      async seeded(users, passwordHash) {
        const databaseUrl = await mariadb.createDatabase();
        await seed(databaseUrl, users, passwordHash);
        return databaseUrl;
      },
      createRedis: () => redis.createDatabase(),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Fill a database, or go on where that was stopped. */
async function seed(databaseUrl: string, users: number, passwordHash: string): Promise<void> {
  const child = Bun.spawn([process.execPath, "src/seed-main.ts", "--users", `${users}`], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: databaseUrl, PASSWORD_HASH: passwordHash },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`Cannot seed ${users} users: ${said}`);
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

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    return /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "?";
  } finally {
    redis.disconnect();
  }
}
