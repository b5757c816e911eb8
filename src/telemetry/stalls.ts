import type { CallRecord } from "../gen/system.ts";
import { STOOD_STILL } from "../rpc/steps.ts";

const BEAT_MS = 250;
/** A shorter gap between two beats is a busy process, not one that stood still. */
const MIN_STALL_MS = 500;
const MAX_KEPT = 20;

type Step = CallRecord["steps"][number];

/**
 * Knows when this process stood still: it was stopped, or its event loop was blocked. Anything that
 * it waited for seems to have taken that long.
 */
export class Stalls implements Disposable {
  readonly #timer: Timer;
  readonly #kept: { readonly from: number; readonly to: number }[] = [];
  #beatAt = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#beat(performance.now()), BEAT_MS).unref();
  }

  /** The steps from `begunAt` to now, with the time in which the process stood still as its own. */
  steps(steps: readonly Step[], begunAt: number): readonly Step[] {
    const now = performance.now();
    this.#beat(now); // After a stop, this may run before the timer does.
    const stalls = this.#kept.map(({ from, to }) => Math.max(0, to - Math.max(from, begunAt)));
    const stalledMs = stalls.reduce((sum, ms) => sum + ms, 0);
    if (stalledMs === 0) return steps;
    let leftMs = stalledMs;
    const rest = steps
      .toSorted((one, other) => other.ms - one.ms)
      .map(({ name, ms }) => {
        const takenMs = Math.min(ms, leftMs);
        leftMs -= takenMs;
        return { name, ms: ms - takenMs };
      });
    return [...rest, { name: STOOD_STILL, ms: stalledMs - leftMs }];
  }

  /**
   * For how long the process had stood still when a call was read: the request may have waited in
   * the socket. Cheap, because it is asked at the end of each call.
   */
  beforeMs(begunAt: number, now: number): number {
    this.#beat(now);
    for (const { from, to } of this.#kept) {
      if (from < begunAt && to >= begunAt - BEAT_MS) return begunAt - from;
    }
    return 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(now: number): void {
    if (now - this.#beatAt - BEAT_MS >= MIN_STALL_MS) {
      this.#kept.push({ from: this.#beatAt, to: now });
      if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    }
    this.#beatAt = now;
  }
}
