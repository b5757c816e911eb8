import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

const TASKS = "/proc/self/task";
/** Bun's name of the threads in its pool, on which the argon2 library hashes. */
const THREAD_NAME = "Bun Pool";

/** The lowest priority. Sign-ins still make progress if the event loops keep all cores busy. */
const NICENESS = 19;

/** Bun starts threads on demand, so look for new ones this often. */
const CHECK_MS = 250;

const lowered = new Set<number>();
let checkedAtMs = Number.NEGATIVE_INFINITY;

/**
 * Run hashing at the lowest CPU priority, so that the event loops of both tiers go first. Only
 * Linux has a priority for each thread; on other systems this does nothing.
 */
export function lowerHashThreads(): void {
  const nowMs = performance.now();
  if (nowMs - checkedAtMs < CHECK_MS) return;
  checkedAtMs = nowMs;
  try {
    for (const thread of hashThreads()) {
      if (lowered.has(thread)) continue;
      setPriority(thread, NICENESS);
      lowered.add(thread);
    }
  } catch {
    // Not Linux: hashing keeps the priority of the process.
  }
}

function hashThreads(): number[] {
  return readdirSync(TASKS)
    .filter((task) => readFileSync(`${TASKS}/${task}/comm`, "utf8").startsWith(THREAD_NAME))
    .map(Number);
}
