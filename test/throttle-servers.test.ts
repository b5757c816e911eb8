import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../src/rpc/error.ts";
import { Devices, newDeviceKey } from "../src/user/device.ts";
import { Failures } from "../src/user/failures.ts";
import { Passwords } from "../src/user/password.ts";
import type { FailureStore } from "../src/user/stores.ts";
import { Throttle } from "../src/user/throttle.ts";
import { available as hasRedis, sharedRedis, startRedis } from "./redis.ts";
import { sharedRedisCluster } from "./redis-cluster.ts";
import { createFolder, eventually, open, silent } from "./storage-pairs.ts";

// What the throttle promises on several servers. What it promises on one is in
// src/user/throttle.test.ts.

// The servers may start within the first test, and the machine may be slow.
setDefaultTimeout(120_000);

const call = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const DEVICES = new Devices(newDeviceKey());
/** How often a server asks whether a block still holds. */
const ASK_EVERY_MS = 5_000;

const REDISES = [
  { name: "a single Redis", create: async () => (await sharedRedis()).createDatabase() },
  { name: "a cluster", create: async () => (await sharedRedisCluster()).createDatabase() },
];

/** A server's throttle with a store of its own connection, which counts the calls. */
async function openServer(redisUrl: string) {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createFolder());
  const { failures: store } = cleanup.use(await open({ ...folder, redisUrl }));
  if (!store) throw new Error("Redis has no store of failures");
  const calls: string[] = [];
  const counted: FailureStore = {
    charge: (counts) => count("charge", () => store.charge(counts)),
    levels: (counts) => count("levels", () => store.levels(counts)),
    lift: (subject) => count("lift", () => store.lift(subject)),
  };
  function count<T>(call: string, run: () => Promise<T>): Promise<T> {
    calls.push(call);
    return run();
  }
  const throttle = new Throttle(new Failures(counted, silent), DEVICES, silent);
  const opened = cleanup.move();
  return {
    calls,
    throttle,
    /** @returns undefined, or for how long the sign-in is refused */
    async signIn(username: string, address: string, isRight = false): Promise<number | undefined> {
      const actor = { address, device: undefined, caller: "http", requestId: "r1" };
      try {
        const { guess } = await throttle.signIn(username, { client: { address }, actor });
        if (!guess.begin()) throw new Error("another guess is running");
        guess.end(isRight);
        await guess.settled();
        return undefined;
      } catch (error) {
        if (error instanceof RpcError && error.status === "rate_limited") return error.retryAfterMs;
        throw error;
      }
    },
    /** @returns how many of these wrong passwords are looked at, if they come at once */
    async crowd(username: string, address: string, guesses: number): Promise<number> {
      const actor = { address, device: undefined, caller: "http", requestId: "r1" };
      const passwords = new Passwords({ name: "salted-md5" });
      const stored = await passwords.hash("hopper1906", call);
      const answers = Array.from({ length: guesses }, async () => {
        const { guess } = await throttle.signIn(username, { client: { address }, actor });
        return passwords.verify("wrong", stored, call, guess);
      });
      const settled = await Promise.allSettled(answers);
      return settled.filter(({ status }) => status === "fulfilled").length;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Server = Awaited<ReturnType<typeof openServer>>;

/** How many wrong passwords are looked at until all these servers refuse. */
async function guesses(servers: Server[], username: string, address: string): Promise<number> {
  let looked = 0;
  for (const server of servers) {
    while ((await server.signIn(username, address)) === undefined) looked++;
  }
  return looked;
}

/** An address in a network of its own. */
const botAddress = (n: number) => `10.${n >> 8}.${n & 255}.7`;

describe.skipIf(!hasRedis).each(REDISES)("two servers with $name", ({ create }) => {
  test("allow one guess more than one, which is missing later", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);

    expect(await guesses([one], "grace", "203.0.113.7")).toBe(10);
    expect(await guesses([two], "grace", "203.0.113.7")).toBe(1);

    expect(await one.signIn("grace", "203.0.113.7")).toBeLessThanOrEqual(60_000);
    expect(await two.signIn("grace", "203.0.113.7")).toBeWithin(60_001, 120_001);
    // The first server learns it, as soon as it asks again.
    await Bun.sleep(ASK_EVERY_MS);
    expect(await one.signIn("grace", "203.0.113.7")).toBeWithin(60_001, 120_001);
  });

  test("allow three guesses more if all run at once, however fast a check is", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);
    const crowds = [one, two].map((server) => server.crowd("grace", "203.0.113.7", 100));
    const looked = (await Promise.all(crowds)).reduce((sum, each) => sum + each);
    expect(looked).toBeWithin(10, 10 + 3 + 1);
  });

  test("allow a botnet of 500 addresses no more than one server, and one for each count", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);
    const startedAtMs = performance.now();
    let looked = 0;

    for (let n = 0; n < 500; n++) looked += await guesses([one, two], "grace", botAddress(n));

    const refilled = Math.ceil((performance.now() - startedAtMs) / 30_000);
    expect(looked).toBeGreaterThan(30 + 490 * 2);
    expect(looked).toBeLessThanOrEqual(30 + 1 + 500 * (2 + 1) + 2 * refilled);
  });

  test("show the failures that the other has counted, and the networks that they have seen", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);
    const shown = async ({ throttle }: Server) =>
      (await throttle.failuresOf("grace")).map(({ counter, failures, blockedMs }) => {
        return [counter.limit.name, counter.detail, failures, blockedMs > 0];
      });
    await one.signIn("grace", "2001:db8::1");
    await guesses([one], "grace", "203.0.113.7");
    const account = ["account", "", 11, false];
    expect(await shown(one)).toEqual([
      account,
      ["network", "203.0.113.0/24", 10, true],
      ["network", "2001:db8:0:0::/56", 1, false],
    ]);
    expect(await shown(two)).toEqual([account]);
    await two.throttle.lift("grace");
    expect(await shown(one)).toEqual([]);
  });

  test("ask nothing for a right password, even while other sign-ins are refused", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    expect(await one.signIn("grace", "203.0.113.7", true)).toBeUndefined();
    expect(one.calls).toEqual([]);
    await guesses([one], "ada1", "203.0.113.7");
    for (let n = 0; n < 5; n++) await one.signIn("grace", "203.0.113.7");
    one.calls.length = 0;
    for (let n = 0; n < 50; n++) {
      expect(await one.signIn("grace", "203.0.113.7", true)).toBeUndefined();
    }
    expect(one.calls).toEqual([]);
  });

  test("ask the store once for many refusals", async () => {
    await using one = await openServer(await create());
    await guesses([one], "grace", "203.0.113.7");
    await Bun.sleep(ASK_EVERY_MS);
    one.calls.length = 0;
    await Promise.all(Array.from({ length: 200 }, () => one.signIn("grace", "203.0.113.7", true)));
    expect(one.calls).toEqual(["levels"]);
  });

  test("know soon that another one has lifted a block", async () => {
    const redisUrl = await create();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);
    await guesses([one, two], "grace", "203.0.113.7");

    await one.throttle.lift("grace");

    expect(await one.signIn("grace", "203.0.113.7", true)).toBeUndefined();
    await eventually("the other server knows", async () => {
      return (await two.signIn("grace", "203.0.113.7", true)) === undefined;
    });
    expect(await guesses([two], "grace", "203.0.113.7")).toBe(10);
  });
});

describe.skipIf(!hasRedis)("a server whose Redis is down", () => {
  test("has the same limits, and shares its counts again when Redis is back", async () => {
    await using redis = await startRedis();
    const redisUrl = await redis.createDatabase();
    await using one = await openServer(redisUrl);
    await using two = await openServer(redisUrl);
    for (let n = 0; n < 4; n++) await one.signIn("grace", "203.0.113.7");

    await redis.kill();

    // It remembers the four failures from before.
    expect(await guesses([one], "grace", "203.0.113.7")).toBe(6);
    expect(await guesses([two], "grace", "203.0.113.7")).toBe(10);
    expect(await one.signIn("ada1", "203.0.114.7", true)).toBeUndefined();

    await redis.restart();
    const isBack = ({ throttle }: typeof one) =>
      throttle.lift("nobody").then(
        () => true,
        () => false,
      );
    await eventually("both servers reach Redis", async () => {
      return (await isBack(one)) && (await isBack(two));
    });
    expect(await guesses([one], "lisa", "203.0.115.7")).toBe(10);
    expect(await guesses([two], "lisa", "203.0.115.7")).toBe(1);
  });

  test("refuses no longer than the design says if Redis comes back empty", async () => {
    await using redis = await startRedis();
    await using one = await openServer(await redis.createDatabase());
    await guesses([one], "grace", "203.0.113.7");
    await redis.kill();
    await redis.restart();
    expect(await one.signIn("grace", "203.0.113.7", true)).toBeLessThanOrEqual(60_000);
    await eventually("the server knows that nothing is counted", async () => {
      return (await one.signIn("grace", "203.0.113.7", true)) === undefined;
    });
  });
});
