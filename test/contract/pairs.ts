import { afterAll, beforeAll, describe } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { HTTP_TIER } from "../../src/config/http.ts";
import { load } from "../../src/config/load.ts";
import type { Environment } from "../../src/config/variables.ts";
import * as mariaDb from "../mariadb.ts";
import * as redis from "../redis.ts";
import { sharedRedisCluster } from "../redis-cluster.ts";
import { sharedS3, TestBucket } from "../s3.ts";
import { type Stack, startStack } from "../stack.ts";

/** What a stack runs on. */
export interface Pair {
  readonly name:
    | "embedded"
    | "MySQL and Redis"
    | "MySQL and Redis Cluster"
    | "two TCP servers, MySQL and Redis"
    | "S3, MySQL and Redis";
  readonly available: boolean;
  /** Behind the HTTP tier. */
  readonly tcpServers: number;
  /** What names its databases, which are fresh. */
  environment(): Promise<Environment>;
}

const EMBEDDED: Pair = {
  name: "embedded",
  available: true,
  tcpServers: 1,
  environment: async () => ({}),
};

const SERVERS: Pair = {
  name: "MySQL and Redis",
  available: mariaDb.sharedAvailable && redis.sharedAvailable,
  tcpServers: 1,
  environment: () => createDatabases(redis.sharedRedis),
};

const CLUSTER: Pair = {
  ...SERVERS,
  name: "MySQL and Redis Cluster",
  available: mariaDb.sharedAvailable && redis.available,
  environment: () => createDatabases(sharedRedisCluster),
};

const TWO_SERVERS: Pair = { ...SERVERS, name: "two TCP servers, MySQL and Redis", tcpServers: 2 };

async function createDatabases(
  sharedSessions: typeof redis.sharedRedis | typeof sharedRedisCluster,
): Promise<Environment> {
  const [users, sessions] = await Promise.all([mariaDb.sharedMariaDb(), sharedSessions()]);
  return { DATABASE_URL: await users.createDatabase(), REDIS_URL: await sessions.createDatabase() };
}

const BUCKET: Pair = {
  ...SERVERS,
  name: "S3, MySQL and Redis",
  environment: async () => ({
    ...(await SERVERS.environment()),
    ...(await (await sharedS3()).createBucket()).environment,
  }),
};

function describeOn(pairs: readonly Pair[], title: string, body: (pair: Pair) => void): void {
  for (const pair of pairs) {
    describe.skipIf(!pair.available)(`${title}, on ${pair.name}`, () => body(pair));
  }
}

/**
 * For what the HTTP tier decides by itself: shapes, pages, sites, headers. It gets the same replies
 * whatever the TCP tier stores them in, so one storage is enough.
 */
export function describeHttp(title: string, body: (pair: Pair) => void): void {
  describeOn([EMBEDDED], title, body);
}

/** Run the tests of `body` once on each storage pair; where its servers are not here, skip it. */
export function describePairs(title: string, body: (pair: Pair) => void): void {
  describeOn([EMBEDDED, SERVERS], title, body);
}

/** The same for pictures: those of the embedded pair are in a folder, the others on S3. */
export function describePicturePairs(title: string, body: (pair: Pair) => void): void {
  describeOn([EMBEDDED, BUCKET], title, body);
}

/** On a cluster and behind two TCP servers as well: for what users and sessions promise. */
export function describeAllPairs(title: string, body: (pair: Pair) => void): void {
  describeOn([EMBEDDED, SERVERS, CLUSTER, TWO_SERVERS], title, body);
}

/** What several TCP servers promise together. */
export function describeTwoServers(title: string, body: (pair: Pair) => void): void {
  describeOn([TWO_SERVERS], title, body);
}

/** What only the servers have: keys in Redis, columns in MySQL. */
export function describeServers(title: string, body: (pair: Pair) => void): void {
  describeOn([SERVERS], title, body);
}

/** What is in Redis, one server or many. */
export function describeRedis(title: string, body: (pair: Pair) => void): void {
  describeOn([SERVERS, CLUSTER], title, body);
}

export interface SharedStack {
  /** The running stack; only inside a test. */
  readonly stack: Stack;
  /** What it was started with. */
  readonly environment: Environment;
  /** The names of all pictures that it has saved. */
  pictures(): Promise<string[]>;
}

/** One stack for all tests of the describe block that calls this. */
export function sharedStack(pair: Pair, more: Environment = {}, leaseMs?: number): SharedStack {
  let running: { stack: Stack; environment: Environment } | undefined;
  const get = () => {
    if (!running) throw new Error("The stack runs only while tests do");
    return running;
  };
  beforeAll(async () => {
    const environment = { ...(await pair.environment()), ...more };
    running = { stack: await startStack(environment, pair.tcpServers, leaseMs), environment };
  });
  afterAll(async () => {
    await running?.stack[Symbol.asyncDispose]();
  });
  return {
    get stack() {
      return get().stack;
    },
    get environment() {
      return get().environment;
    },
    async pictures() {
      const { stack, environment } = get();
      const { avatarBucket } = load(HTTP_TIER, environment);
      if (avatarBucket) return new TestBucket(avatarBucket).names();
      return readdir(join(stack.dataDir, "avatars")).catch(() => []);
    },
  };
}
