import type { Log } from "../rpc/log.ts";
import type { SessionStore, UserStore } from "../user/stores.ts";
import { attempt, errorField } from "./attempt.ts";
import { NodePresences, Presence } from "./availability.ts";
import { MigrationError } from "./migration.ts";
import { MysqlClient } from "./mysql/client.ts";
import { isPassing } from "./mysql/errors.ts";
import { migrateMysql } from "./mysql/migrate.ts";
import { MysqlUsers } from "./mysql/users.ts";
import { CertificateError, connectRedis } from "./redis/client.ts";
import { connectCluster } from "./redis/cluster.ts";
import { throwIfNoMaster, WrongRedisError } from "./redis/role.ts";
import { RedisSessions } from "./redis/sessions.ts";
import { OneRedis, RedisCluster, type Times, type Topology } from "./redis/topology.ts";
import { isBusy, openSqliteFile } from "./sqlite/file.ts";
import { EmbeddedSessions } from "./sqlite/sessions.ts";
import { SqliteUsers } from "./sqlite/users.ts";

const RETRY_MS = 1_000;
/** More than reading a row takes, and a light hash. Who is later does not fill the cache. */
const LEASE_MS = 2_000;

export interface StorageOptions {
  /** `mysql://user:password@host:port/database`; without it, users are in SQLite in `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** `redis://…` or `rediss://…`, several by commas for a cluster; without it, SQLite as well. */
  readonly redisUrl?: string | undefined;
  readonly dataDir: string;
  readonly sessionTtlSeconds: number;
  /** How long the right to fill the cache stands. Servers of one Redis may differ in it. */
  readonly leaseMs?: number | undefined;
  readonly log: Log;
}

export interface OpenStorage {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  close(): Promise<void>;
}

/**
 * Open both stores, their tables up to date. Waits as long as a database cannot be reached.
 * @throws StorageError where a database refuses what it is asked: waiting would not help
 */
export async function openStorage(options: StorageOptions): Promise<OpenStorage> {
  // Both embedded stores open the same file: it is reported once.
  const sqlite = new Presence(`SQLite in ${options.dataDir} (DATA_DIR)`, options.log);
  const users = await openUsers(options, sqlite);
  try {
    const sessions = await openSessions(options, sqlite);
    return {
      users,
      sessions,
      async close() {
        const closed = await Promise.allSettled([users.close(), sessions.disconnect()]);
        for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
      },
    };
  } catch (error) {
    await users.close();
    throw error;
  }
}

async function openUsers(options: StorageOptions, sqlite: Presence): Promise<UserStore> {
  const { databaseUrl, dataDir, log } = options;
  if (databaseUrl === undefined) {
    return new SqliteUsers(await openEmbedded(dataDir, sqlite));
  }

  const presence = new Presence(`MySQL at ${new URL(databaseUrl).host} (DATABASE_URL)`, log);
  await untilThere(presence, isPassing, () =>
    migrateMysql(databaseUrl, {
      waiting: (why) => presence.away(why),
      applying: ({ version, name }) => {
        log.info({ version, name }, `migrating ${presence.database}`);
      },
    }),
  );
  return new MysqlUsers(new MysqlClient(databaseUrl, presence));
}

async function openSessions(options: StorageOptions, sqlite: Presence): Promise<SessionStore> {
  const { redisUrl, dataDir, sessionTtlSeconds, leaseMs = LEASE_MS, log } = options;
  if (redisUrl === undefined) {
    return new EmbeddedSessions(await openEmbedded(dataDir, sqlite), sessionTtlSeconds);
  }
  const urls = redisUrl.split(",");
  const times = { ttlMs: sessionTtlSeconds * 1_000, leaseMs };
  const topology =
    urls.length > 1 ? await openCluster(urls, times, log) : await openRedis(redisUrl, times, log);
  return new RedisSessions(topology, log);
}

async function openRedis(redisUrl: string, times: Times, log: Log): Promise<Topology> {
  const presence = new Presence(`Redis at ${new URL(redisUrl).host} (REDIS_URL)`, log);
  const { redis, reasonOf } = connectRedis(redisUrl, presence);
  try {
    await untilThere(presence, isAway, () =>
      throwIfNoMaster(redis).catch((error: unknown) => {
        throw reasonOf(error);
      }),
    );
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return new OneRedis(redis, times);
}

async function openCluster(urls: readonly string[], times: Times, log: Log): Promise<Topology> {
  const hosts = urls.map((url) => new URL(url).host);
  const presence = new Presence(`Redis Cluster at ${hosts.join(", ")} (REDIS_URL)`, log);
  const nodes = new NodePresences("Redis", log);
  const cluster = await untilThere(presence, isAway, () => connectCluster(urls, nodes));
  return new RedisCluster(cluster, times);
}

function openEmbedded(dataDir: string, sqlite: Presence) {
  return untilThere(sqlite, isBusy, () => openSqliteFile(dataDir));
}

/** Try every second until it works, or fails so that waiting is of no use. */
async function untilThere<T>(
  presence: Presence,
  isWorthWaiting: (cause: unknown) => boolean,
  connect: () => T | Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      const connected = await attempt(`open ${presence.database}`, connect);
      presence.there();
      return connected;
    } catch (error) {
      if (!(error instanceof Error) || !isWorthWaiting(error.cause)) throw error;
      presence.away(error.cause);
    }
    await Bun.sleep(RETRY_MS);
  }
}

/** Whether a server is missing, rather than there and refusing (wrong password, no database). */
function isAway(cause: unknown): boolean {
  if (cause instanceof MigrationError || cause instanceof WrongRedisError) return false;
  if (cause instanceof CertificateError) return false;
  // SQLSTATE: class 28 is authorization, 42 is access rights, unknown databases and syntax.
  if (/^(28|42)/.test(errorField(cause, "sqlState") ?? "")) return false;
  return !(cause instanceof Error && /^(ERR|WRONGPASS|NOAUTH|NOPERM) /.test(cause.message));
}
