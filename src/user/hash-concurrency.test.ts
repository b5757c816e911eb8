import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, getPriority, release } from "node:os";
import { hash as argon2Hash } from "@node-rs/argon2";
import { adaptiveConcurrency, type Concurrency } from "./hash-concurrency.ts";
import { HashQueue } from "./hash-queue.ts";
import { timeForHashesMs } from "./hash-threads.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

/** Four cores, of which others leave `left` to threads that hash. */
class Cores {
  readonly cores = 4;
  left: number;
  #nowMs = 0;
  #timeMs = 0;

  constructor(left: number) {
    this.left = left;
  }

  readonly nowMs = () => this.#nowMs;
  readonly timeMs = () => this.#timeMs;

  pass(timeMs: number): void {
    this.#nowMs += timeMs;
    this.#timeMs += timeMs * this.left;
  }
}

/** What is told at the end of each of some seconds, if it is asked every few milliseconds. */
function overSeconds(cores: Cores, concurrency: Concurrency, seconds: number): number[] {
  return Array.from({ length: seconds }, () => {
    let told = 0;
    for (let count = 0; count < 100; count++) {
      cores.pass(10);
      told = concurrency();
    }
    return told;
  });
}

describe("adaptiveConcurrency()", () => {
  test.each([
    { left: 4, told: 8 },
    { left: 3.1, told: 8 },
    { left: 2.9, told: 3 },
    { left: 1.1, told: 2 },
    { left: 0.9, told: 1 },
    { left: 0, told: 1 },
  ])("of four cores $left are left: $told at once", ({ left, told }) => {
    const cores = new Cores(left);
    expect(overSeconds(cores, adaptiveConcurrency(cores), 3)).toEqual([told, told, told]);
  });

  test("it follows what is left, within a second and not at once", () => {
    const cores = new Cores(4);
    const concurrency = adaptiveConcurrency(cores);
    expect(overSeconds(cores, concurrency, 1)).toEqual([8]);
    cores.left = 0.5;
    cores.pass(10);
    expect(concurrency()).toBe(8);
    expect(overSeconds(cores, concurrency, 2).at(-1)).toBe(1);
    cores.left = 4;
    cores.pass(10);
    expect(concurrency()).toBe(1);
    expect(overSeconds(cores, concurrency, 2).at(-1)).toBe(8);
  });

  test("what was left while nothing was hashed says nothing about now", () => {
    const cores = new Cores(4);
    const concurrency = adaptiveConcurrency(cores);
    expect(overSeconds(cores, concurrency, 1)).toEqual([8]);
    cores.left = 0.5;
    cores.pass(10_000);
    expect(concurrency()).toBe(8);
    cores.left = 4;
    expect(overSeconds(cores, concurrency, 1)).toEqual([8]);
    // But a hash may take long.
    cores.left = 0.5;
    cores.pass(1_900);
    expect(concurrency()).toBe(1);
  });

  test("where nobody counts, there is a thread for each core", () => {
    const concurrency = adaptiveConcurrency({ ...new Cores(0), timeMs: () => undefined });
    expect(concurrency()).toBe(8);
    expect(concurrency()).toBe(8);
  });

  test("one core has a thread with one hash behind the one that runs, whatever is left", () => {
    const cores = new Cores(0);
    expect(overSeconds(cores, adaptiveConcurrency({ ...cores, cores: 1 }), 2)).toEqual([2, 2]);
  });
});

const spinners: Bun.Subprocess[] = [];
afterEach(endSpinners);

async function endSpinners(): Promise<void> {
  for (const spinner of spinners.splice(0)) {
    spinner.kill("SIGKILL");
    await spinner.exited;
  }
}

// Elsewhere than on Linux nothing of it can be had.
describe.skipIf(timeForHashesMs() === undefined)("threads that hash", () => {
  const call = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
  const light = { memoryCost: 2048, timeCost: 1 };

  test.skipIf(availableParallelism() < 2)(
    "one of two is given up while other processes keep all cores busy",
    async () => {
      const queue = new HashQueue(adaptiveConcurrency({ cores: 2 }));
      let running = 0;
      const counted = async () => {
        running++;
        await argon2Hash("hopper1906", light);
        running--;
      };
      let isOver = false;
      const signIns = Array.from({ length: 16 }, async () => {
        while (!isOver) await queue.run(call, counted);
      });
      const most = async () => {
        let most = 0;
        for (let count = 0; count < 100; count++) {
          await Bun.sleep(5);
          most = Math.max(most, running);
        }
        return most;
      };
      for (let core = 0; core < availableParallelism(); core++) {
        spinners.push(Bun.spawn([process.execPath, "-e", "for (;;);"]));
      }
      while ((await most()) > 1);
      await endSpinners();
      while ((await most()) < 4);
      isOver = true;
      await Promise.all(signIns);
    },
  );

  test("their time is counted as left for them", async () => {
    const queue = new HashQueue();
    const before = { left: timeForHashesMs() ?? 0, own: process.cpuUsage() };
    const hashes = Array.from({ length: 300 * availableParallelism() }, () =>
      queue.run(call, () => argon2Hash("hopper1906", light)),
    );
    await Promise.all(hashes);
    const { user, system } = process.cpuUsage(before.own);
    const growthMs = (timeForHashesMs() ?? 0) - before.left;
    // The rest is the event loop's.
    expect(growthMs).toBeGreaterThan(0.7 * ((user + system) / 1000));
  });

  test("have the least priority and the shortest turns", async () => {
    const queue = new HashQueue();
    await Promise.all(
      Array.from({ length: 4 * availableParallelism() }, () =>
        queue.run(call, () => argon2Hash("hopper1906", light)),
      ),
    );
    const tasks = "/proc/self/task";
    const threads = readdirSync(tasks).filter((task) =>
      readFileSync(`${tasks}/${task}/comm`, "utf8").startsWith("Bun Pool"),
    );
    expect(threads.length).toBeGreaterThan(0);
    expect(threads.map((thread) => getPriority(Number(thread)))).toEqual(threads.map(() => 19));
    expect(getPriority(process.pid)).toBeLessThan(19);
    // Linux has turns of a thread's own since 6.12.
    const [version = ""] = release().split("-");
    if (Bun.semver.order(version, "6.12.0") < 0) return;
    for (const thread of threads) {
      const slice = sliceNs(`${tasks}/${thread}/sched`);
      if (slice !== undefined) expect(slice).toBe(100_000);
    }
  });
});

/** The turn that a thread has, or undefined where the kernel does not show it. */
function sliceNs(file: string): number | undefined {
  try {
    const [, slice] = /^se\.slice\s*:\s*(\d+)/m.exec(readFileSync(file, "utf8")) ?? [];
    return slice === undefined ? undefined : Number(slice);
  } catch {
    return undefined;
  }
}
