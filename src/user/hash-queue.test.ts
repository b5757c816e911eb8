import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { availableParallelism } from "node:os";
import { RpcError } from "../rpc/error.ts";
import { HashQueue, MAX_WAITING_HASHES } from "./hash-queue.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const { signal } = new AbortController();
const PATIENT = { deadline: Number.POSITIVE_INFINITY, signal };
const within = (timeMs: number) => ({ deadline: performance.now() + timeMs, signal });

/** Hashes that end when the test releases them, and the names of those that were started. */
function heldHashes() {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const started: string[] = [];
  const hash = (name: string) => async () => {
    started.push(name);
    await promise;
    return name;
  };
  return { hash, started, release };
}

/** A queue for one hash at once, which has measured hashes of about `tookMs`. */
async function measuredQueue(tookMs: number): Promise<HashQueue> {
  const queue = new HashQueue(1);
  for (let count = 0; count < 3; count++) await queue.run(PATIENT, () => Bun.sleep(tookMs));
  return queue;
}

/** The error that a promise is rejected with. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `no error, but ${value}`,
    (error) => error,
  );
}

describe("HashQueue", () => {
  test("each core gets one more hash than it runs, so that the next one is at hand", async () => {
    const queue = new HashQueue();
    const { hash, started, release } = heldHashes();
    const cores = availableParallelism();
    const names = Array.from({ length: 3 * cores }, (_, index) => `hash ${index}`);
    const all = Promise.all(names.map((name) => queue.run(PATIENT, hash(name))));
    await Bun.sleep(0);
    expect(started).toEqual(names.slice(0, 2 * cores));
    release();
    expect(await all).toEqual(names);
  });

  test("no more hashes than the limit run at once, first come, first served", async () => {
    const queue = new HashQueue(3);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const hash = (number: number) => async () => {
      started.push(number);
      most = Math.max(most, ++running);
      await Bun.sleep(number % 4);
      running--;
      return number;
    };
    const numbers = Array.from({ length: 30 }, (_, index) => index);
    expect(await Promise.all(numbers.map((each) => queue.run(PATIENT, hash(each))))).toEqual(
      numbers,
    );
    expect(started).toEqual(numbers);
    expect(most).toBe(3);
  });

  test.each([
    ["light", 200, 1],
    ["costly", 96, 8],
  ])("results of %s hashes are returned together if there is a queue", async (_what, count, ms) => {
    const queue = new HashQueue(4);
    // The turns of the event loop that bring results.
    const turns = new Set<number>();
    let turn = 0;
    const counter = setInterval(() => turn++, 1);
    // The hashes end at different times.
    const hashes = Array.from({ length: count }, (_, index) =>
      queue.run(PATIENT, () => Bun.sleep(ms + ((index * 5) % (ms + 3)))),
    );
    await Promise.all(hashes.map((hash) => hash.then(() => turns.add(turn))));
    clearInterval(counter);
    // About 35 turns if they are gathered, 90 and more if not.
    expect(turns.size).toBeLessThan(60);
  });

  test("a result is returned at once if there is no queue", async () => {
    const queue = await measuredQueue(4);
    let isWaiting = true;
    const alone = queue.run(PATIENT, async () => {
      // Only callbacks that are already queued when the hash ends may run first.
      setImmediate(() => setImmediate(() => setImmediate(() => (isWaiting = false))));
    });
    await alone;
    expect(isWaiting).toBe(true);
  });

  test("a hash that is cancelled while it waits is not started", async () => {
    const queue = new HashQueue(1);
    const { hash, started, release } = heldHashes();
    const first = queue.run(PATIENT, hash("first"));
    const controller = new AbortController();
    const gone = errorOf(queue.run({ ...PATIENT, signal: controller.signal }, hash("gone")));
    const last = queue.run(PATIENT, hash("last"));
    controller.abort();
    release();
    expect(await Promise.all([first, last])).toEqual(["first", "last"]);
    expect(started).toEqual(["first", "last"]);
    expect(await gone).toBeInstanceOf(RpcError);
    expect(await gone).toMatchObject({ status: "cancelled", processed: false });
  });

  test("a hash whose deadline passes while it waits is not started", async () => {
    const queue = new HashQueue(1);
    const { hash, started, release } = heldHashes();
    const first = queue.run(PATIENT, hash("first"));
    const call = within(500);
    const late = errorOf(queue.run(call, hash("late")));
    const last = queue.run(PATIENT, hash("last"));
    while (performance.now() < call.deadline) await Bun.sleep(20);
    release();
    expect(await Promise.all([first, last])).toEqual(["first", "last"]);
    expect(started).toEqual(["first", "last"]);
    expect(await late).toBeInstanceOf(RpcError);
    expect(await late).toMatchObject({ status: "deadline_exceeded", processed: false });
  });

  test("no hash is started for a call that has ended, not even on a free core", async () => {
    const queue = new HashQueue(1);
    const { hash, started } = heldHashes();
    const cancelled = { ...PATIENT, signal: AbortSignal.abort() };
    expect(await errorOf(queue.run(cancelled, hash("gone")))).toMatchObject({
      status: "cancelled",
    });
    expect(await errorOf(queue.run(within(0), hash("late")))).toMatchObject({
      status: "deadline_exceeded",
    });
    expect(started).toEqual([]);
  });

  test("only hashes that cannot end in time are shed, and at once", async () => {
    const queue = new HashQueue(1);
    const { hash, started, release } = heldHashes();
    // The estimate is 10 ms each, and the queue may take three quarters of 10 s: room for 750.
    const calls = Array.from({ length: 1000 }, () => queue.run(within(10_000), hash("it")));
    const answers = calls.map(errorOf);
    const errors: unknown[] = [];
    for (const answer of answers) answer.then((error) => errors.push(error));
    await Bun.sleep(1);
    // No hash has ended yet, so shedding did not wait for one.
    const shed = errors.length;
    expect(started.length).toBe(1);
    expect(1000 - shed).toBeWithin(600, 751);
    for (const error of errors) {
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ status: "resource_exhausted", processed: false });
      expect(error instanceof RpcError && error.retryAfterMs).toBeGreaterThan(0);
    }
    release();
    await Promise.all(answers);
    expect(started.length).toBe(1000 - shed);
    expect(errors.filter((error) => error instanceof RpcError).length).toBe(shed);
    // Shed hashes leave no trace in the queue.
    const next = Array.from({ length: 100 }, () => queue.run(within(10_000), hash("it")));
    expect(await Promise.all(next)).toEqual(next.map(() => "it"));
  });

  test("no more than the maximum wait, even without a deadline", async () => {
    const queue = new HashQueue(1);
    const { hash, started, release } = heldHashes();
    const calls = [queue.run(PATIENT, hash("it runs"))];
    for (let count = 0; count < MAX_WAITING_HASHES; count++) {
      calls.push(queue.run(PATIENT, hash("it waits")));
    }
    const error = await errorOf(queue.run(PATIENT, hash("one too many")));
    expect(error).toMatchObject({ status: "resource_exhausted" });
    expect(error instanceof RpcError && error.retryAfterMs).toBeGreaterThan(0);
    release();
    await Promise.all(calls);
    expect(started.length).toBe(1 + MAX_WAITING_HASHES);
    expect(started).not.toContain("one too many");
  });

  test("the estimate is the measured time of a hash, times the hashes ahead", async () => {
    const queue = await measuredQueue(50);
    const { hash, release } = heldHashes();
    const running = Array.from({ length: 9 }, () => queue.run(PATIENT, hash("ahead")));
    const error = await errorOf(queue.run(within(500), hash("hasty")));
    release();
    await Promise.all(running);
    // Ten hashes of 50 ms. Timers may fire 1 ms early; a slow machine makes it more.
    expect(error instanceof RpcError && error.retryAfterMs).toBeWithin(10 * 49, 10 * 500);
  });

  test("waiting hashes whose callers leave do not count as load", async () => {
    const queue = await measuredQueue(20);
    const { hash, release } = heldHashes();
    const running = queue.run(PATIENT, hash("it runs"));
    const controller = new AbortController();
    const call = { ...PATIENT, signal: controller.signal };
    const gone = Array.from({ length: 1000 }, () => errorOf(queue.run(call, hash("gone"))));
    expect(await errorOf(queue.run(within(5000), hash("hasty")))).toMatchObject({
      status: "resource_exhausted",
    });
    controller.abort();
    const next = queue.run(within(5000), hash("next"));
    release();
    expect(await Promise.all([running, next])).toEqual(["it runs", "next"]);
    await Promise.all(gone);
  });

  test("a running hash counts until it ends, even if its caller leaves", async () => {
    const queue = await measuredQueue(200);
    const { hash, release } = heldHashes();
    const controller = new AbortController();
    const running = queue.run({ ...PATIENT, signal: controller.signal }, hash("it runs"));
    await Bun.sleep(1);
    controller.abort();
    expect(await errorOf(queue.run(within(500), hash("hasty")))).toMatchObject({
      status: "resource_exhausted",
    });
    release();
    expect(await running).toBe("it runs");
  });

  test("a free core is used whatever the average says, and so corrects the average", async () => {
    const queue = await measuredQueue(400);
    const hasty = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => errorOf(queue.run(within(500), async () => "done"))),
      );
    const [first, second] = await hasty(2);
    expect(first).toBe("no error, but done");
    expect(second).toMatchObject({ status: "resource_exhausted" });
    for (let count = 0; count < 200; count++) await queue.run(PATIENT, async () => undefined);
    expect(await hasty(2)).toEqual(["no error, but done", "no error, but done"]);
  });

  test("a hash that fails frees its core and does not change the average", async () => {
    const queue = await measuredQueue(50);
    const failing = async () => {
      throw new Error("Cannot hash: a test says so");
    };
    for (let count = 0; count < 200; count++) {
      expect(await errorOf(queue.run(PATIENT, failing))).toBeInstanceOf(Error);
    }
    const { hash, release } = heldHashes();
    const running = Array.from({ length: 9 }, () => queue.run(PATIENT, hash("ahead")));
    expect(await errorOf(queue.run(within(500), hash("hasty")))).toMatchObject({
      status: "resource_exhausted",
    });
    release();
    await Promise.all(running);
  });
});
