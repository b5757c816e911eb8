import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, getPriority, release } from "node:os";
import { hash as argon2Hash } from "@node-rs/argon2";
import { adaptiveConcurrency } from "./hash-concurrency.ts";
import { HashQueue } from "./hash-queue.ts";
import { idleOrHashingMs } from "./hash-threads.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const call = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const hashOnce = () => argon2Hash("hopper1906", { memoryCost: 2048, timeCost: 1 });
const TASKS = "/proc/self/task";

/** Of all cores; 0 on what is no Linux, or only passes for it. */
function idleMs(): number {
  if (!existsSync("/proc/stat")) return 0;
  const [, idle, waiting] =
    /^cpu +\d+ \d+ \d+ (\d+) (\d+)/.exec(readFileSync("/proc/stat", "utf8")) ?? [];
  return 10 * (Number(idle ?? 0) + Number(waiting ?? 0));
}

describe.skipIf(idleMs() === 0)("threads that hash", () => {
  test("have their time counted as left for them", async () => {
    const hashes = (count: number) => Promise.all(Array.from({ length: count }, hashOnce));
    await hashes(availableParallelism());
    const leftMs = idleOrHashingMs() ?? Number.NaN;
    const before = { notIdleMs: leftMs - idleMs(), cpu: process.cpuUsage() };
    await hashes(1000 * availableParallelism());
    const { user, system } = process.cpuUsage(before.cpu);
    const hashingMs = (idleOrHashingMs() ?? Number.NaN) - idleMs() - before.notIdleMs;
    // The rest is the event loop's.
    expect(hashingMs / ((user + system) / 1000)).toBeWithin(0.7, 1.2);
  });

  test("have the least priority and the shortest turns, within a second", async () => {
    const queue = new HashQueue();
    const hashes = (count: number) =>
      Promise.all(Array.from({ length: count }, () => queue.run(call, hashOnce)));
    await hashes(4 * availableParallelism());
    await Bun.sleep(600);
    await hashes(1);
    const threads = readdirSync(TASKS).filter((task) =>
      readFileSync(`${TASKS}/${task}/comm`, "utf8").startsWith("Bun Pool"),
    );
    expect(threads.length).toBeGreaterThan(0);
    expect(threads.map((thread) => getPriority(Number(thread)))).toEqual(threads.map(() => 19));
    expect(getPriority(process.pid)).toBeLessThan(19);
    // Linux has turns of a thread's own since 6.12.
    if (Bun.semver.order(release().split("-", 1)[0] ?? "", "6.12.0") < 0) return;
    for (const thread of threads) expect(sliceNs(thread) ?? 100_000).toBe(100_000);
  });

  // What is idle counts of the whole machine, so its cores must be ours to keep busy.
  test.skipIf(availableParallelism() < 2 || availableParallelism() < cpus().length)(
    "are fewer while other processes keep all cores busy",
    async () => {
      const queue = new HashQueue(adaptiveConcurrency({ cores: 2 }));
      let running = 0;
      let isOver = false;
      const signIn = async () => {
        while (!isOver) {
          await queue.run(call, async () => {
            running++;
            await hashOnce();
            running--;
          });
        }
      };
      const signIns = Promise.all(Array.from({ length: 16 }, signIn));
      const busy = `const end = Date.now() + 60_000; while (Date.now() < end);`;
      const others = Array.from({ length: availableParallelism() }, () =>
        Bun.spawn([process.execPath, "-e", busy]),
      );
      try {
        let most = 0;
        do {
          most = 0;
          for (let count = 0; count < 100; count++) {
            await Bun.sleep(5);
            most = Math.max(most, running);
          }
        } while (most > 1 && others.every(({ exitCode }) => exitCode === null));
        expect(most).toBe(1);
      } finally {
        isOver = true;
        for (const other of others) other.kill("SIGKILL");
        await Promise.all([signIns, ...others.map(({ exited }) => exited)]);
      }
    },
  );
});

/** The turn that a thread has, or undefined where the kernel does not show it. */
function sliceNs(thread: string): number | undefined {
  const file = `${TASKS}/${thread}/sched`;
  if (!existsSync(file)) return undefined;
  const [, slice] = /^se\.slice\s*:\s*(\d+)/m.exec(readFileSync(file, "utf8")) ?? [];
  return slice === undefined ? undefined : Number(slice);
}
