import { afterAll, beforeAll, describe } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Environment, loadConfig } from "../../src/config.ts";
import * as mariaDb from "../mariadb.ts";
import * as redis from "../redis.ts";
import { sharedS3, TestBucket } from "../s3.ts";
import { type Stack, startStack } from "../stack.ts";

/** Which of the two storage pairs a stack runs on, and where it keeps pictures. */
export interface Pair {
  readonly name: "embedded" | "MySQL and Redis" | "S3";
  readonly available: boolean;
  /** What names its servers, with fresh databases. */
  environment(): Promise<Environment>;
}

const EMBEDDED: Pair = {
  name: "embedded",
  available: true,
  environment: async () => ({}),
};

const SERVERS: Pair = {
  name: "MySQL and Redis",
  available: mariaDb.available && redis.available,
  environment: async () => {
    const [database, cache] = await Promise.all([
      mariaDb.sharedMariaDb().then((server) => server.createDatabase()),
      redis.sharedRedis().then((server) => server.createDatabase()),
    ]);
    return { DATABASE_URL: database, REDIS_URL: cache };
  },
};

/** Pictures have nothing to do with the other servers: they are embedded here. */
const BUCKET: Pair = {
  name: "S3",
  available: true,
  environment: async () => (await (await sharedS3()).createBucket()).environment,
};

/** Run the tests of `body` once on each storage pair; where its servers are not here, skip it. */
export function describePairs(title: string, body: (pair: Pair) => void): void {
  for (const pair of [EMBEDDED, SERVERS]) describePair(title, pair, body);
}

/** The same, and once more with the pictures on S3. */
export function describePicturePairs(title: string, body: (pair: Pair) => void): void {
  for (const pair of [EMBEDDED, SERVERS, BUCKET]) describePair(title, pair, body);
}

function describePair(title: string, pair: Pair, body: (pair: Pair) => void): void {
  describe.skipIf(!pair.available)(`${title}, on ${pair.name}`, () => body(pair));
}

/** What only the servers have: keys in Redis, columns in MySQL. */
export function describeServers(title: string, body: (pair: Pair) => void): void {
  describe.skipIf(!SERVERS.available)(`${title}, on ${SERVERS.name}`, () => body(SERVERS));
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
export function sharedStack(pair: Pair, more: Environment = {}): SharedStack {
  let running: { stack: Stack; environment: Environment } | undefined;
  const get = () => {
    if (!running) throw new Error("The stack runs only while tests do");
    return running;
  };
  beforeAll(async () => {
    const environment = { ...(await pair.environment()), ...more };
    running = { stack: await startStack(environment), environment };
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
      const { avatarBucket } = loadConfig(environment);
      if (avatarBucket) return new TestBucket(avatarBucket).names();
      return readdir(join(stack.dataDir, "avatars")).catch(() => []);
    },
  };
}
