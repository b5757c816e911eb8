import { availableParallelism } from "node:os";
import { idleOrHashingMs, lowerHashThreads } from "./hash-threads.ts";

/**
 * How many hashes may be begun at once. Asked at each call; told whether fewer may be: whether
 * there is a queue, and its hashes are not light.
 */
export type Concurrency = (mayBeFewer: boolean) => number;

/**
 * Hashes that a thread is given at once: with one behind the one that runs, it need not wait until
 * the event loop has a turn for it. That is far longer than a light hash takes.
 */
const HASHES_PER_THREAD = 2;

/** How often it is looked for threads that are new, and for how many cores others leave. */
const ADAPT_MS = 250;

/** Of a core: so little is not worth a thread more. */
const TOO_LITTLE = 0.25;

/** What `adaptiveConcurrency` finds by itself, where a test does not say so. */
interface Machine {
  readonly cores?: number;
  readonly idleOrHashingMs?: () => number | undefined;
  readonly nowMs?: () => number;
}

/**
 * Two hashes for a thread on each core, where nobody else keeps the cores busy. Beside event loops
 * that do, threads that hash share what these leave, and each of them makes the event loops wait at
 * times, until the kernel takes its core away. So there are no more of them than cores are left.
 */
export function adaptiveConcurrency(machine: Machine = {}): Concurrency {
  const { cores = availableParallelism(), nowMs = () => performance.now() } = machine;
  const totalMs = machine.idleOrHashingMs ?? idleOrHashingMs;
  let lastMs = nowMs();
  let lastTotalMs = totalMs();
  let threads = cores;

  /** In the time that has passed, or all where nobody counts. */
  function coresLeft(passedMs: number): number {
    const before = lastTotalMs;
    lastTotalMs = totalMs();
    if (before === undefined || lastTotalMs === undefined) return cores;
    return (lastTotalMs - before) / passedMs;
  }

  return (mayBeFewer) => {
    const passedMs = nowMs() - lastMs;
    if (passedMs >= ADAPT_MS) {
      lastMs += passedMs;
      lowerHashThreads();
      const left = coresLeft(passedMs);
      threads = mayBeFewer ? Math.max(Math.ceil(left - TOO_LITTLE), 1) : cores;
    }
    // One more than there are threads to be would begin at once, on one of the others.
    return threads < cores ? threads : cores * HASHES_PER_THREAD;
  };
}
