import { availableParallelism } from "node:os";
import { timeForHashesMs } from "./hash-threads.ts";

/** How many hashes may be begun at once from now on. */
export type Concurrency = () => number;

/**
 * Hashes that a thread is given at once: with one behind the one that runs, it need not wait until
 * the event loop has a turn for it. That is far longer than a light hash takes.
 */
const HASHES_PER_THREAD = 2;

/** Over how long the cores that are left for hashes are measured, at least and at most. */
const WINDOW_MS = 500;
const MAX_WINDOW_MS = 2_000;

/** What `adaptiveConcurrency` finds, where a test does not say so. */
interface Machine {
  readonly cores?: number;
  /** As `timeForHashesMs`. */
  readonly timeMs?: () => number | undefined;
  readonly nowMs?: () => number;
}

/**
 * Two hashes for a thread on each core, where nobody else keeps the cores busy. Beside event loops
 * that do, these threads have what is left, and whoever wakes on the core of one must push it away
 * first: there are no more of them than it takes to use what is left.
 */
export function adaptiveConcurrency({
  cores = availableParallelism(),
  timeMs = timeForHashesMs,
  nowMs = () => performance.now(),
}: Machine = {}): Concurrency {
  let threads = cores;
  let last = { nowMs: Number.NEGATIVE_INFINITY, timeMs: 0 };

  function adapt(): void {
    const now = nowMs();
    const windowMs = now - last.nowMs;
    if (windowMs < WINDOW_MS) return;
    const time = timeMs();
    if (time === undefined) return;
    // What others did while there was nothing to hash says nothing about now.
    const left = windowMs <= MAX_WINDOW_MS ? (time - last.timeMs) / windowMs : cores;
    threads = Math.min(Math.max(Math.ceil(left), 1), cores);
    last = { nowMs: now, timeMs: time };
  }

  return () => {
    adapt();
    // The pool has a thread for each core, and they take whatever has been begun.
    return threads === cores ? threads * HASHES_PER_THREAD : threads;
  };
}
