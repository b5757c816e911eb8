import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../rpc/error.ts";
import { HashQueue, MAX_WAITING_HASHES, type Turn } from "./hash-queue.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const { signal } = new AbortController();
const PATIENT = { deadline: Number.POSITIVE_INFINITY, signal };
const within = (timeMs: number) => ({ deadline: performance.now() + timeMs, signal });
const of = (address: string, begin: Turn["begin"] = () => true): Turn => ({ address, begin });

/** A queue for one hash at once, and hashes that each end when the test says so. */
function stepwise(queue = new HashQueue(1)) {
  const started: string[] = [];
  const ending: (() => void)[] = [];
  const answers: Promise<unknown>[] = [];
  return {
    queue,
    started,
    add(name: string, turn: Turn, call = PATIENT) {
      const hash = () => {
        started.push(name);
        return new Promise<string>((resolve) => ending.push(() => resolve(name)));
      };
      const answer = queue.run(call, hash, turn).catch((error: unknown) => error);
      answers.push(answer);
      return answer;
    },
    async endOne() {
      await Bun.sleep(0);
      ending.shift()?.();
      await Bun.sleep(0);
    },
    /** Let all end, and return their names in the order in which they were started. */
    async endAll() {
      let isOver = false;
      const over = Promise.all(answers).then(() => (isOver = true));
      while (!isOver) await this.endOne();
      await over;
      return started;
    },
  };
}

describe("the turns of addresses in a HashQueue", () => {
  test("a flood from one address delays another by one hash", async () => {
    const steps = stepwise();
    for (let n = 0; n < 100; n++) steps.add(`flood ${n}`, of("a"));
    await steps.endOne();
    steps.add("honest", of("b"));
    expect((await steps.endAll()).indexOf("honest")).toBeLessThan(4);
  });

  test("several addresses take turns, and each is served in order", async () => {
    const steps = stepwise();
    steps.add("first", of("x"));
    for (const name of ["a1", "a2", "a3", "b1", "b2", "c1"]) steps.add(name, of(name.slice(0, 1)));
    expect(await steps.endAll()).toEqual(["first", "a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  test("a flood from one address does not shed the hash of another", async () => {
    const steps = stepwise();
    // The estimate is 10 ms each, and the queue may take three quarters of the time.
    const flood = Array.from({ length: 200 }, (_, n) => {
      return steps.add(`flood ${n}`, of("a"), within(1_000));
    });
    expect(await flood.at(-1)).toMatchObject({ status: "resource_exhausted" });
    const honest = steps.add("honest", of("b"), within(1_000));
    await steps.endAll();
    expect(await honest).toBe("honest");
  });

  test("if the queue is full, the longest line gives way to another address", async () => {
    const steps = stepwise();
    for (let n = 0; n <= MAX_WAITING_HASHES; n++) steps.add(`${n}`, of("a"));
    const flood = steps.add("one too many", of("a"));
    expect(await flood).toMatchObject({ status: "resource_exhausted" });
    const honest = Array.from({ length: 10 }, (_, n) => steps.add(`honest ${n}`, of("b")));
    const started = await steps.endAll();
    expect(await Promise.all(honest)).toEqual(honest.map((_, n) => `honest ${n}`));
    expect(started.length).toBe(MAX_WAITING_HASHES + 1);
    // The newest of the flood gave way.
    expect(started).toContain(`${MAX_WAITING_HASHES - 10}`);
    expect(started).not.toContain(`${MAX_WAITING_HASHES - 9}`);
  });

  test("a hash that may not begin yet waits, and the others go on", async () => {
    const steps = stepwise();
    let isAllowed = false;
    steps.add("first", of("x"));
    steps.add(
      "held",
      of("a", () => isAllowed),
    );
    for (const name of ["b1", "b2", "c1"]) steps.add(name, of(name.slice(0, 1)));
    await steps.endOne();
    await steps.endOne();
    expect(steps.started).toEqual(["first", "b1", "c1"]);
    isAllowed = true;
    expect(await steps.endAll()).toEqual(["first", "b1", "c1", "held", "b2"]);
  });

  test("two slots are used although the first in line may not begin", async () => {
    const steps = stepwise(new HashQueue(2));
    let isAllowed = false;
    steps.add(
      "held",
      of("a", () => isAllowed),
    );
    for (const name of ["b1", "b2", "b3"]) steps.add(name, of("b"));
    await Bun.sleep(0);
    expect(steps.started).toEqual(["b1", "b2"]);
    isAllowed = true;
    expect(await steps.endAll()).toEqual(["b1", "b2", "held", "b3"]);
  });

  test("all free slots are used once hashes that waited may begin", async () => {
    const steps = stepwise(new HashQueue(2));
    let isAllowed = false;
    steps.add("first", of("x"));
    steps.add(
      "held",
      of("a", () => false),
    );
    for (const name of ["b1", "b2"])
      steps.add(
        name,
        of("b", () => isAllowed),
      );
    isAllowed = true;
    await steps.endOne();
    expect(steps.started).toEqual(["first", "b1", "b2"]);
  });

  test("addresses that have failed delay another by two hashes, however many they are", async () => {
    const steps = stepwise();
    for (let n = 0; n < 100; n++) steps.add(`flood ${n}`, { ...of(`${n}`), hasFailed: true });
    await steps.endOne();
    for (const name of ["a1", "a2", "b1"]) steps.add(name, of(name.slice(0, 1)));
    const started = await steps.endAll();
    expect(["a1", "b1", "a2"].map((name) => started.indexOf(name) < 9)).toEqual([true, true, true]);
    expect(started.indexOf("flood 4")).toBeLessThan(9);
  });

  test("a queue full of addresses that have failed gives way to another", async () => {
    const steps = stepwise();
    for (let n = 0; n <= MAX_WAITING_HASHES; n++) {
      steps.add(`${n}`, { ...of(`${n}`), hasFailed: true });
    }
    const failed = steps.add("failed", { ...of("x"), hasFailed: true });
    expect(await failed).toMatchObject({ status: "resource_exhausted" });
    const honest = steps.add("honest", of("home"));
    expect((await steps.endAll()).indexOf("honest")).toBeLessThan(4);
    expect(await honest).toBe("honest");
  });

  test("a crowd that waits for the same is not asked one by one each time", async () => {
    const steps = stepwise(new HashQueue(4));
    const crowd = 300;
    let asked = 0;
    let running = 0;
    const turn = (address: string): Turn => ({
      address,
      begin() {
        asked++;
        if (running === 3) return false;
        running++;
        return true;
      },
      waitsFor: () => "account",
    });
    for (let n = 0; n < crowd; n++) {
      void steps.add(`guess ${n}`, turn(`${n}`)).then(() => {
        running--;
        steps.queue.retry();
      });
    }
    const honest = steps.add("honest", of("home"));
    await Bun.sleep(0);
    expect(steps.started).toEqual(["guess 0", "guess 1", "guess 2", "honest"]);
    expect((await steps.endAll()).length).toBe(crowd + 1);
    expect(await honest).toBe("honest");
    expect(asked).toBeLessThan(crowd * 8);
  });

  test("a refused hash fails with the reason, and does not use up a turn", async () => {
    const steps = stepwise();
    steps.add("first", of("x"));
    const refusal = new RpcError("unavailable", "a test refuses this");
    const refuse = () => {
      throw refusal;
    };
    const refused = Array.from({ length: 50 }, () => steps.add("refused", of("a", refuse)));
    for (const name of ["a1", "b1"]) steps.add(name, of(name.slice(0, 1)));
    expect(await steps.endAll()).toEqual(["first", "a1", "b1"]);
    expect(await Promise.all(refused)).toEqual(refused.map(() => refusal));
  });

  test("failures that wait do not delay the result of an address without any", async () => {
    const queue = new HashQueue(1);
    let isWaiting = true;
    const honest = queue.run(PATIENT, async () => {
      await Bun.sleep(1);
      // Only callbacks that are already queued when the hash ends may run first.
      setImmediate(() => setImmediate(() => setImmediate(() => (isWaiting = false))));
    });
    const turn = { ...of("a"), hasFailed: true };
    const flood = Array.from({ length: 100 }, () => queue.run(PATIENT, async () => {}, turn));
    await honest;
    expect(isWaiting).toBe(true);
    await Promise.all(flood);
  });
});
