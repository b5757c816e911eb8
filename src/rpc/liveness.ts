/** The interval of all upkeep of connections: pings, age, idle time, lost servers. */
export const TICK_MS = 250;

/**
 * Detects a peer that has fallen silent. Counts ticks and not time: after a stall of this process,
 * the bytes that arrived during the stall are read before the next tick.
 */
export class Liveness {
  /** Ticks since the last byte. The reader of the socket resets it to 0. */
  quietTicks = 0;
  #idleTicks = 0;
  #ticks = 0;
  readonly #pingAfterTicks: number;
  readonly #deadAfterTicks: number;

  /** "ping" every `intervalMs`; "close" after `intervalMs` + `timeoutMs` without a byte. */
  constructor(intervalMs: number, timeoutMs: number) {
    this.#pingAfterTicks = Math.ceil(intervalMs / TICK_MS);
    this.#deadAfterTicks = this.#pingAfterTicks + Math.ceil(timeoutMs / TICK_MS);
  }

  /** How long there has been no call. */
  get idleMs(): number {
    return this.#idleTicks * TICK_MS;
  }

  /** What to do now. Called once a tick; `isIdle` if there was no call since the last tick. */
  tick(isIdle: boolean): "nothing" | "ping" | "close" {
    this.#idleTicks = isIdle ? this.#idleTicks + 1 : 0;
    this.quietTicks++;
    if (this.quietTicks > this.#deadAfterTicks) return "close";
    // Also if bytes arrived: a peer that sends a large frame over a slow line gets no answers until
    // it is done, and must not take this side for dead.
    return ++this.#ticks % this.#pingAfterTicks === 0 ? "ping" : "nothing";
  }
}
