/** How often connections are looked after: pings, age, idle ones, lost servers. */
export const TICK_MS = 250;

/**
 * Notices a peer that has fallen silent. Counts ticks and not the clock: after a stall of this
 * very process, what the peer has sent meanwhile is read before the next tick.
 */
export class Liveness {
  /** Ticks since the last byte; whoever reads the socket sets it to 0. */
  quietTicks = 0;
  #idleTicks = 0;
  #ticks = 0;
  readonly #pingAfterTicks: number;
  readonly #deadAfterTicks: number;

  /** A PING every `intervalMs`; the end after so long and `timeoutMs` more without a byte. */
  constructor(intervalMs: number, timeoutMs: number) {
    this.#pingAfterTicks = Math.ceil(intervalMs / TICK_MS);
    this.#deadAfterTicks = this.#pingAfterTicks + Math.ceil(timeoutMs / TICK_MS);
  }

  /** For how long there has been no call. */
  get idleMs(): number {
    return this.#idleTicks * TICK_MS;
  }

  /** What is to be done, asked once a tick; `isIdle` where there was no call since the last one. */
  tick(isIdle: boolean): "nothing" | "ping" | "close" {
    this.#idleTicks = isIdle ? this.#idleTicks + 1 : 0;
    this.quietTicks++;
    if (this.quietTicks > this.#deadAfterTicks) return "close";
    // Whatever was heard: a peer that sends a large frame over a slow line hears nothing meanwhile,
    // and must not take us for dead.
    return ++this.#ticks % this.#pingAfterTicks === 0 ? "ping" : "nothing";
  }
}
