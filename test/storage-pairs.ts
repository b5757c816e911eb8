import { expect } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import type { Log } from "../src/rpc/log.ts";
import { type OpenStorage, openStorage, type StorageOptions } from "../src/storage/open.ts";
import {
  type CachedProfile,
  type Lease,
  type NewSession,
  StorageError,
  type User,
} from "../src/user/stores.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import * as redis from "./redis.ts";
import { sharedRedisCluster } from "./redis-cluster.ts";

/** Where a pair of stores keeps its data. */
export type Location = Pick<StorageOptions, "databaseUrl" | "redisUrl" | "dataDir">;

/** A pair of stores on which the promises of src/user/stores.ts are tested. */
export interface Pair {
  readonly name: string;
  readonly available: boolean;
  /** Empty databases, for one test alone. */
  createLocation(): Promise<Location & AsyncDisposable>;
}

export const PAIRS: readonly Pair[] = [
  { name: "the embedded pair", available: true, createLocation: createFolder },
  {
    name: "MySQL and Redis",
    available: hasMariaDb && redis.sharedAvailable,
    createLocation: () => createServerLocation(redis.sharedRedis),
  },
  {
    name: "MySQL and Redis Cluster",
    available: hasMariaDb && redis.available,
    createLocation: () => createServerLocation(sharedRedisCluster),
  },
];

/** For tests of users alone: one pair for each kind of users' database. */
export const DATABASES = PAIRS.filter(({ name }) => name !== "MySQL and Redis Cluster");

async function createServerLocation(shared: typeof redis.sharedRedis | typeof sharedRedisCluster) {
  const databaseUrl = await (await sharedMariaDb()).createDatabase();
  const redisUrl = await (await shared()).createDatabase();
  return { databaseUrl, redisUrl, ...(await createFolder()) };
}

/** An empty data folder. */
export async function createFolder(): Promise<{ dataDir: string } & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), "portico-data-"));
  return {
    dataDir,
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

export const silent: Log = pino({ level: "silent" });

/** A log that keeps its messages, such as "warn waiting for Redis at 127.0.0.1:6379". */
export function recordingLog(level = "info"): { log: Log; messages: string[]; lines: string[] } {
  const messages: string[] = [];
  const lines: string[] = [];
  const formatters = { level: (level: string) => ({ level }) };
  const log = pino(
    { level, formatters },
    {
      write(line) {
        lines.push(line);
        const { level, msg } = JSON.parse(line);
        messages.push(`${level} ${msg}`);
      },
    },
  );
  return { log, messages, lines };
}

/** Open the stores at a location. `await using` closes them. */
export async function open(
  location: Location,
  options: Partial<StorageOptions> = {},
): Promise<OpenStorage & AsyncDisposable> {
  const storage = await openStorage({
    ...location,
    sessionTtlSeconds: 1800,
    sessionsMax: 20,
    log: silent,
    ...options,
  });
  return { ...storage, [Symbol.asyncDispose]: () => storage.close() };
}

export function user(username: string, fields: Partial<User> = {}): User {
  return {
    username,
    nickname: `nick ${username}`,
    profilePath: "default.webp",
    password: "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",
    salt: "",
    ...fields,
  };
}

/** A session as a sign-in begins it. */
export function newSession(
  sessionId: string,
  profile: CachedProfile,
  lease?: Lease | undefined,
  fields: Partial<NewSession> = {},
): NewSession {
  return { sessionId, profile, lease, device: "curl", address: "203.0.113.0/24", ...fields };
}

/** Wait until a check is true, for at most half a minute, since the machine may be slow. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endsAtMs = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > endsAtMs) throw new Error(`Cannot see that ${what}`);
    await Bun.sleep(50);
  }
}

/** Storage gives up after about 3 s, and Redis alone after 1 s; a slow machine gets more. */
const BOUND_MS = 8_000;

/** @throws unless the call fails with a StorageError, and in time */
export async function expectStorageError(call: () => Promise<unknown>): Promise<StorageError> {
  const startedAtMs = performance.now();
  const error = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(performance.now() - startedAtMs).toBeLessThan(BOUND_MS);
  if (!(error instanceof StorageError)) throw new Error(`Not a StorageError: ${error}`);
  return error;
}
