import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cluster, Redis } from "ioredis";
import { LIFTED_MS } from "../src/storage/redis/failures.ts";
import { FailureLevels } from "../src/user/failure-levels.ts";
import { type Counter, counterOf } from "../src/user/failures.ts";
import { highestLevelMs, LIMITS, type Limit, levelAfterFailureMs } from "../src/user/limits.ts";
import { available as hasRedis, sharedRedis, startRedis } from "./redis.ts";
import { sharedRedisCluster } from "./redis-cluster.ts";
import { createFolder, expectStorageError, open } from "./storage-pairs.ts";

// What FailureStore promises, on real servers.

// The servers may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const REDISES = [
  { name: "a single Redis", create: async () => (await sharedRedis()).createDatabase() },
  { name: "a cluster", create: async () => (await sharedRedisCluster()).createDatabase() },
];

async function openFailures(redisUrl: string) {
  const folder = await createFolder();
  const storage = await open({ ...folder, redisUrl });
  const { failures } = storage;
  if (!failures) throw new Error("Redis has no store of failures");
  return {
    failures,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The keys and their times to live. */
async function keysOf(redisUrl: string): Promise<Map<string, number>> {
  const urls = redisUrl.split(",");
  const client = urls.length > 1 ? new Cluster(urls) : new Redis(redisUrl);
  await client.ping();
  const nodes = client instanceof Cluster ? client.nodes("master") : [client];
  const keys = (await Promise.all(nodes.map((node) => node.keys("fail:*")))).flat().sort();
  const found = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const));
  client.disconnect();
  return new Map(found);
}

const GRACE = "account grace";
const account = counterOf(LIMITS.account, GRACE);
const network = counterOf(LIMITS.network, GRACE, "203.0.113.0/24");
const address = counterOf(LIMITS.address, "address 203.0.113.7");

/** Levels sink while the test runs, for less than 3 s. All that it expects are multiples of that. */
const rounded = (levels: number[]) => levels.map((levelMs) => Math.ceil(levelMs / 3_000) * 3_000);

describe.skipIf(!hasRedis).each(REDISES)("the failures in $name", ({ create }) => {
  test("charge() returns the new levels, which levels() returns on another connection", async () => {
    const redisUrl = await create();
    await using one = await openFailures(redisUrl);
    await using two = await openFailures(redisUrl);

    expect(rounded(await one.failures.levels([account, address]))).toEqual([0, 0]);
    expect(rounded(await one.failures.charge([account, network, address]))).toEqual([
      30_000, 60_000, 6_000,
    ]);
    expect(rounded(await two.failures.charge([address, account]))).toEqual([12_000, 60_000]);
    expect(rounded(await one.failures.levels([network, address, account]))).toEqual([
      ...[60_000, 12_000, 60_000],
    ]);
  });

  test("random failures give the levels of limits.ts", async () => {
    await using store = await openFailures(await create());
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
    const random = mulberry32(seed);
    // Short, so that levels sink to 0 and rise to the highest within the test.
    const limits: Limit[] = [1, 2, 7].map((burst) => ({
      ...{ name: `burst ${burst}`, burst, everyMs: 40 + Math.floor(random() * 200), atOnce: 1 },
    }));
    const counters = limits.flatMap((limit) =>
      [GRACE, "account ada"].map((subject) => counterOf(limit, subject)),
    );
    // The server's clock is not ours, so each level is known to lie between two others.
    const lowest = new FailureLevels();
    const highest = new FailureLevels();
    for (let round = 0; round < 150; round++) {
      const some = counters.filter(() => random() < 0.5);
      const most = afterFailure(some, highest);
      const askedAtMs = performance.now();
      const stored = await store.failures.charge(some);
      const least = afterFailure(some, lowest);
      for (const [index, levelMs] of stored.entries()) {
        const [low = 0, high = 0] = [least[index], most[index]];
        const what = `seed ${seed}, round ${round}, ${some[index]?.name}: ${low} to ${high}`;
        // Redis counts whole milliseconds.
        expect([what, levelMs >= low - 2 && levelMs <= high + 2]).toEqual([what, true]);
      }
      for (const [index, { key }] of some.entries()) {
        const levelMs = stored[index] ?? 0;
        highest.set(key, levelMs + 1);
        lowest.set(key, levelMs - 1 - (performance.now() - askedAtMs));
      }
      await Bun.sleep(random() < 0.2 ? 300 * random() : 20 * random());
    }
  });

  test("every key expires, and the keys of a subject share a slot", async () => {
    const redisUrl = await create();
    await using store = await openFailures(redisUrl);
    for (let n = 0; n < 100; n++) await store.failures.charge([account, network, address]);
    await store.failures.lift(GRACE);
    await store.failures.charge([account]);

    const keys = await keysOf(redisUrl);

    expect(keys.size).toBe(5);
    for (const ttlMs of keys.values()) expect(ttlMs).toBeWithin(1, LIFTED_MS + 1);
    expect(new Set([...keys.keys()].map((key) => /\{\w{32}\}/.exec(key)?.[0])).size).toBe(2);
    expect([...keys.keys()].join()).not.toContain("grace");
    expect(rounded(await store.failures.levels([account, network]))).toEqual([30_000, 0]);
    expect(rounded(await store.failures.levels([address]))).toEqual([600_000]);
  });

  test("lift() forgets all failures of one subject, also those of other connections", async () => {
    const redisUrl = await create();
    await using one = await openFailures(redisUrl);
    await using two = await openFailures(redisUrl);
    const ada = counterOf(LIMITS.account, "account ada");
    await one.failures.charge([account, network, address, ada]);

    await two.failures.lift(GRACE);

    expect(rounded(await one.failures.levels([account, network, address, ada]))).toEqual([
      ...[0, 0, 6_000, 30_000],
    ]);
    await one.failures.charge([account]);
    await one.failures.lift(GRACE);
    expect(rounded(await two.failures.levels([account]))).toEqual([0]);
  });

  test("a key without an expiry or of another type locks nobody out for ever", async () => {
    const redisUrl = await create();
    await using store = await openFailures(redisUrl);
    await store.failures.charge([account]);
    const [key = ""] = (await keysOf(redisUrl)).keys();
    const urls = redisUrl.split(",");
    const client = urls.length > 1 ? new Cluster(urls) : new Redis(redisUrl);
    await client.persist(key);
    expect(rounded(await store.failures.levels([account]))).toEqual([0]);
    expect(rounded(await store.failures.charge([account]))).toEqual([30_000]);
    await client.del(key);
    await client.rpush(key, "of another type");
    expect(rounded(await store.failures.charge([account]))).toEqual([30_000]);
    // As if the clock of Redis had been set back by a year.
    await client.pexpire(key, 365 * 24 * 3_600_000);
    expect(rounded(await store.failures.charge([account]))).toEqual([
      highestLevelMs(LIMITS.account),
    ]);
    client.disconnect();
  });
});

describe.skipIf(!hasRedis)("the failures in a Redis that is down", () => {
  test("fail at once, and are back with Redis", async () => {
    await using redis = await startRedis();
    await using store = await openFailures(await redis.createDatabase());
    await store.failures.charge([account]);

    await redis.kill();
    await expectStorageError(() => store.failures.charge([account]));
    const startedAtMs = performance.now();
    await expectStorageError(() => store.failures.charge([account]));
    await expectStorageError(() => store.failures.levels([account]));
    await expectStorageError(() => store.failures.lift(GRACE));
    expect(performance.now() - startedAtMs).toBeLessThan(4_000);

    await redis.restart();
    const endsAtMs = performance.now() + 30_000;
    let levels: number[] | undefined;
    while (!levels && performance.now() < endsAtMs) {
      levels = await store.failures.charge([account]).catch(() => undefined);
      await Bun.sleep(50);
    }
    expect(levels).toEqual([30_000]);
  });
});

test("a lift outlasts every level", () => {
  for (const limit of Object.values(LIMITS))
    expect(LIFTED_MS).toBeGreaterThan(highestLevelMs(limit));
});

function afterFailure(counters: readonly Counter[], levels: FailureLevels): number[] {
  return counters.map(({ key, limit }) => levelAfterFailureMs(limit, levels.get(key)));
}

/** A small generator of random numbers, so that a seed repeats a run. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
