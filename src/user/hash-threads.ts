import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

const TASKS = "/proc/self/task";
/** What Bun calls the threads of its pool, on which a library hashes. */
const THREAD_NAME = "Bun Pool";

/**
 * The most there is: where both tiers have one core between them and are always busy, few are
 * signed in. But where they take all that two cores have, each of them still sleeps often enough.
 */
const NICENESS = 19;

/** The least that Linux gives: so soon a thread may be made to leave a core that it has. */
const SLICE_NS = 100_000n;

/** Of `/proc`; what Linux tells programs does not depend on how it was built. */
const TICKS_PER_SECOND = 100;
/** Words of the first line of `/proc/stat`. */
const CPU_IDLE = 4;
const CPU_IOWAIT = 5;
/** Words of the `stat` of a thread from the end of its name, which may have spaces. */
const TASK_UTIME = 12;
const TASK_STIME = 13;

/** `struct sched_attr`: its size, and where it has its flags, the niceness and the slice. */
const ATTR_BYTES = 48;
const ATTR_FLAGS = 8;
const ATTR_NICE = 16;
const ATTR_RUNTIME = 24;

/** The thread stays of the kind that it is. */
const SCHED_FLAG_KEEP_POLICY = 8n;

/** `sched_setattr(2)` by its number: the C library has no function for it. */
const SCHED_SETATTR: Partial<Record<NodeJS.Architecture, number>> = { x64: 314, arm64: 274 };

/** Threads that have given way already: Bun starts them as they are needed, and ends none. */
const lowered = new Set<number>();

/**
 * Have the threads that hash give way to the event loops of both tiers, where there are not cores
 * for all: whoever reads a profile need not wait until somebody is signed in. On Linux, where a
 * priority is a thread's own; elsewhere all stay equal.
 */
export function lowerHashThreads(): void {
  try {
    const threads = hashThreads().filter((thread) => !lowered.has(thread));
    for (const thread of threads) {
      setPriority(thread, NICENESS);
      lowered.add(thread);
    }
    if (threads.length > 0) shortenSlices(threads);
  } catch {
    // Not Linux, or not glibc: hashes are as good as anybody, or have turns as long.
  }
}

/**
 * For how long cores were idle or had a thread that hashes, in ms since some moment: as much as it
 * grows in a time, so many cores did others leave. Of all cores of the machine, be they forbidden
 * to this process or not. Undefined where nobody counts it.
 */
export function idleOrHashingMs(): number | undefined {
  try {
    const [all = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    const idle = ticks(all, CPU_IDLE, CPU_IOWAIT);
    const threads = hashThreads();
    // Not Linux itself, but what passes for it.
    if (idle === 0 || threads.length === 0) return undefined;
    const hashing = threads.map((thread) => {
      const stat = readFileSync(`${TASKS}/${thread}/stat`, "utf8");
      return ticks(stat.slice(stat.lastIndexOf(")")), TASK_UTIME, TASK_STIME);
    });
    const total = hashing.reduce((sum, each) => sum + each, idle);
    return Number.isFinite(total) ? (total * 1000) / TICKS_PER_SECOND : undefined;
  } catch {
    return undefined;
  }
}

function ticks(line: string, ...fields: number[]): number {
  const words = line.split(/ +/);
  return fields.reduce((sum, field) => sum + Number(words[field]), 0);
}

/**
 * A shorter slice gives a thread neither more of a core nor less, but makes its turns shorter.
 * Before Linux 6.12 it changes nothing.
 * @throws {Error} there is no glibc
 */
function shortenSlices(threads: number[]): void {
  const number = SCHED_SETATTR[process.arch];
  if (number === undefined) return;
  const attributes = new DataView(new ArrayBuffer(ATTR_BYTES));
  attributes.setUint32(0, ATTR_BYTES, true);
  attributes.setBigUint64(ATTR_FLAGS, SCHED_FLAG_KEEP_POLICY, true);
  attributes.setInt32(ATTR_NICE, NICENESS, true);
  attributes.setBigUint64(ATTR_RUNTIME, SLICE_NS, true);
  const libc = dlopen("libc.so.6", {
    syscall: { args: ["i64", "i32", "ptr", "u32"], returns: "i64" },
  });
  for (const thread of threads) libc.symbols.syscall(number, thread, ptr(attributes), 0);
  libc.close();
}

function hashThreads(): number[] {
  return readdirSync(TASKS)
    .filter((task) => readFileSync(`${TASKS}/${task}/comm`, "utf8").startsWith(THREAD_NAME))
    .map(Number);
}
