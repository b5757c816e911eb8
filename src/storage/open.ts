import type { Log } from "../rpc/log.ts";
import type { FailureStore, SessionStore, UserStore } from "../user/stores.ts";
import { attempt } from "./attempt.ts";
import { Availability, NodeAvailability } from "./availability.ts";
import type { Part } from "./move.ts";
import { MysqlClient } from "./mysql/client.ts";
import { isTemporary } from "./mysql/errors.ts";
import { MysqlHosts } from "./mysql/hosts.ts";
import { migrateMysql } from "./mysql/migrate.ts";
import { throwIfIncomplete } from "./mysql/move-mark.ts";
import type { PoolCounts, PoolLimits } from "./mysql/pool.ts";
import { MysqlUsers } from "./mysql/users.ts";
import type { ObserverOptions } from "./observe.ts";
import { CertificateError, connectRedis } from "./redis/client.ts";
import { connectCluster } from "./redis/cluster-client.ts";
import { ClusterSessions } from "./redis/cluster-sessions.ts";
import { warnIfEvicting } from "./redis/eviction.ts";
import { RedisFailures } from "./redis/failures.ts";
import { throwIfNoMaster, WrongRedisError } from "./redis/role.ts";
import type { CacheCounts, Limits } from "./redis/sessions.ts";
import { SingleRedisSessions } from "./redis/single-sessions.ts";
import { DEFAULT_TIMEOUTS, type RedisTimeouts } from "./redis/timeouts.ts";
import { isBusy } from "./sqlite/file.ts";
import { openUnmoved } from "./sqlite/freeze.ts";
import { SqliteSessions } from "./sqlite/sessions.ts";
import { SqliteUsers } from "./sqlite/users.ts";

const RETRY_MS = 1_000;
/** Longer than reading a row and a light hash take. A slower call does not fill the cache. */
const LEASE_MS = 2_000;

export interface StorageOptions extends ObserverOptions {
  /**
   * `mysql://user:password@host:port/database`, with more hosts after a comma. Without it, users
   * are in SQLite in `dataDir`.
   */
  readonly databaseUrl?: string | undefined;
  /** `redis://…` or `rediss://…`, separated by commas for a cluster; without it, SQLite. */
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
  const urls = redisUrl.split(",");
  const limits = { ttlMs, leaseMs, sessionsMax };
  return urls.length > 1
    ? openCluster(urls, limits, options)
    : openRedis(redisUrl, limits, options);
}

async function openRedis(
  redisUrl: string,
  limits: Limits,
  options: StorageOptions,
): Promise<Volatile> {
  const { log, observe, redisTimeouts = DEFAULT_TIMEOUTS } = options;
  const availability = new Availability(`Redis at ${new URL(redisUrl).host} (REDIS_URL)`, log);
  const { redis, reasonOf } = connectRedis(redisUrl, availability, redisTimeouts);
  try {
    await retryUntilAvailable(availability, isRedisDown, () =>
      throwIfNoMaster(redis).catch((error: unknown) => {
        throw reasonOf(error);
      }),
    );
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  await warnIfEvicting([redis], log);
  const sessions = new SingleRedisSessions(redis, limits, log, options);
  const cacheCounts = () => sessions.cacheCounts;
  return { sessions, failures: new RedisFailures(redis, observe), cacheCounts };
}

async function openCluster(
  urls: readonly string[],
  limits: Limits,
  { log, observe, redisTimeouts = DEFAULT_TIMEOUTS }: StorageOptions,
): Promise<Volatile> {
  const hosts = urls.map((url) => new URL(url).host);
  const availability = new Availability(`Redis Cluster at ${hosts.join(", ")} (REDIS_URL)`, log);
  const nodes = new NodeAvailability("Redis", log);
  const cluster = await retryUntilAvailable(availability, isRedisDown, () =>
    connectCluster(urls, nodes, redisTimeouts),
  );
  await warnIfEvicting(cluster.nodes("master"), log);
  const sessions = new ClusterSessions(cluster, limits, log, observe);
  const cacheCounts = () => sessions.cacheCounts;
  return { sessions, failures: new RedisFailures(cluster, observe), cacheCounts };
}

/** @throws {StorageError} `part` has moved to another place */
function openEmbedded(dataDir: string, sqlite: Availability, part: Part) {
  return retryUntilAvailable(sqlite, isBusy, () => openUnmoved(dataDir, part));
}

/**
 * Call `connect` once a second until it succeeds.
 * @throws {StorageError} `connect` failed, and waiting would not help
 */
async function retryUntilAvailable<T>(
  availability: Availability,
  isTemporary: (cause: unknown) => boolean,
  connect: () => T | Promise<T>,
): Promise<T> {
  const action = `open ${availability.database}`;
  const connected = await retryWhile(availability, isTemporary, () => attempt(action, connect));
  availability.up();
  return connected;
}

/** Call a store once a second until it answers. @throws {StorageError} waiting would not help */
async function retryWhile<T>(
  availability: Availability,
  isTemporary: (cause: unknown) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Error) || !isTemporary(error.cause)) throw error;
      availability.down(error.cause);
    }
    await Bun.sleep(RETRY_MS);
  }
}

/**
 * Whether waiting may help: Redis does not answer, or is a replica that may become the master.
 * False if Redis refuses: wrong password, certificate or kind of server.
 */
function isRedisDown(cause: unknown): boolean {
  if (cause instanceof WrongRedisError || cause instanceof CertificateError) return false;
  return !(cause instanceof Error && /^(ERR|WRONGPASS|NOAUTH|NOPERM) /.test(cause.message));
}
