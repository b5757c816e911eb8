import type { Log } from "../rpc/log.ts";
import type { FailureStore, SessionStore, UserStore } from "../user/stores.ts";
import { Availability } from "./availability.ts";
import type { Part } from "./move.ts";
import { MysqlClient } from "./mysql/client.ts";
import { isTemporary } from "./mysql/errors.ts";
import { MysqlHosts } from "./mysql/hosts.ts";
import { migrateMysql } from "./mysql/migrate.ts";
import { throwIfIncomplete } from "./mysql/move-mark.ts";
import type { PoolCounts, PoolLimits } from "./mysql/pool.ts";
import { MysqlUsers } from "./mysql/users.ts";
import type { ObserverOptions } from "./observe.ts";
import { openRedis } from "./redis/open.ts";
import type { CacheCounts } from "./redis/sessions.ts";
import type { RedisTimeouts } from "./redis/timeouts.ts";
import { retryUntilAvailable, retryWhile } from "./retry.ts";
import { isBusy } from "./sqlite/file.ts";
import { openUnmoved } from "./sqlite/freeze.ts";
import { SqliteSessions } from "./sqlite/sessions.ts";
import { SqliteUsers } from "./sqlite/users.ts";

/** Longer than reading a row and a light hash take. A slower call does not fill the cache. */
const LEASE_MS = 2_000;

export interface StorageOptions extends ObserverOptions {
  /**
   * `mysql://user:password@host:port/database`, with more hosts after a comma. Without it, users
   * are in SQLite in `dataDir`.
   */
  readonly databaseUrl?: string | undefined;
  /**
   * `redis://…` or `rediss://…`, separated by commas for a cluster; `redis-sentinel://…`; without
   * it, SQLite.
   */
  readonly redisUrl?: string | undefined;
  readonly dataDir: string;
  readonly sessionTtlSeconds: number;
  /** The most sessions of a user: one more ends the oldest. */
  readonly sessionsMax: number;
  /**
   * How long a lease, the right to fill the cache, lasts. Servers of one Redis may differ in this.
   */
  readonly leaseMs?: number | undefined;
  readonly mysqlPool?: PoolLimits;
  readonly redisTimeouts?: RedisTimeouts;
  readonly log: Log;
}

/** What is kept for a short time. */
interface Volatile {
  readonly sessions: SessionStore;
  /** Undefined if sessions are embedded: the only server keeps its failures in memory. */
  readonly failures: FailureStore | undefined;
  /** Undefined if sessions are embedded: nothing is cached. */
  cacheCounts?(): CacheCounts;
}

interface Users {
  readonly users: UserStore;
  /** As `UserStore.secret`, but waits while the database cannot be reached. For the start. */
  readonly secret: UserStore["secret"];
  /** Undefined if users are embedded. */
  poolCounts?(): PoolCounts;
}

export interface OpenStorage extends Users, Volatile {
  close(): Promise<void>;
}

/**
 * Open both stores and migrate their tables. Waits while a database cannot be reached.
 * @throws {StorageError} a database refuses: waiting would not help
 */
export async function openStorage(options: StorageOptions): Promise<OpenStorage> {
  // Both embedded stores open the same file, so they share its availability.
  const sqlite = new Availability(`SQLite in ${options.dataDir} (DATA_DIR)`, options.log);
  const lasting = await openUsers(options, sqlite);
  const { users } = lasting;
  try {
    const temporary = await openVolatile(options, sqlite);
    const { sessions } = temporary;
    return {
      ...lasting,
      ...temporary,
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

async function openUsers(options: StorageOptions, sqlite: Availability): Promise<Users> {
  const { databaseUrl, dataDir, log } = options;
  if (databaseUrl === undefined) {
    const users = new SqliteUsers(await openEmbedded(dataDir, sqlite, "users"), options.observe);
    return { users, secret: waitingSecret(users, sqlite, isBusy) };
  }

  const hosts = new MysqlHosts(databaseUrl, log);
  const availability = new Availability(`MySQL at ${hosts.addresses} (DATABASE_URL)`, log);
  await retryUntilAvailable(availability, isTemporary, async () => {
    await migrateMysql(hosts, {
      waiting: (why) => availability.down(why),
      applying: ({ version, name }) => {
        log.info({ version, name }, `migrating ${availability.database}`);
      },
    });
    await throwIfIncomplete(hosts);
  });
  const client = new MysqlClient(hosts, availability, options.mysqlPool);
  const users = new MysqlUsers(client, options);
  const secret = waitingSecret(users, availability, isTemporary);
  return { users, secret, poolCounts: () => client.counts };
}

function waitingSecret(
  users: UserStore,
  availability: Availability,
  isTemporary: (cause: unknown) => boolean,
): UserStore["secret"] {
  return (name, make) => retryWhile(availability, isTemporary, () => users.secret(name, make));
}

async function openVolatile(options: StorageOptions, sqlite: Availability): Promise<Volatile> {
  const { redisUrl, dataDir, sessionTtlSeconds, leaseMs = LEASE_MS, sessionsMax, log } = options;
  const ttlMs = sessionTtlSeconds * 1_000;
  if (redisUrl === undefined) {
    const sessions = new SqliteSessions(
      await openEmbedded(dataDir, sqlite, "sessions"),
      { ttlMs, sessionsMax },
      log,
      options.observe,
    );
    return { sessions, failures: undefined };
  }
  return openRedis(redisUrl, { ttlMs, leaseMs, sessionsMax }, options);
}

/** @throws {StorageError} `part` has moved to another place */
function openEmbedded(dataDir: string, sqlite: Availability, part: Part) {
  return retryUntilAvailable(sqlite, isBusy, () => openUnmoved(dataDir, part));
}
