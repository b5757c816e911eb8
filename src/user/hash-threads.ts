import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * The most there is: where both tiers have one core between them and are always busy, few are
 * signed in. But where they take all that two cores have, each of them still sleeps often enough.
 */
const NICENESS = 19;
const TASKS = "/proc/self/task";

/**
 * Have the threads that hash give way to the event loops of both tiers, where there are not cores
 * for all: whoever reads a profile need not wait until somebody is signed in. On Linux, where a
 * priority is a thread's own; elsewhere all stay equal. Bun starts its threads as they are needed.
 */
export function lowerHashThreads(): void {
  try {
    for (const task of readdirSync(TASKS)) {
      if (!readFileSync(`${TASKS}/${task}/comm`, "utf8").startsWith("Bun Pool")) continue;
      setPriority(Number(task), NICENESS);
    }
  } catch {
    // Not Linux, or a thread that is gone again: hashes are as good as anybody.
  }
}
