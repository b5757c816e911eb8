// What a parent tells its tiers about their end, over the channel between the processes.

/**
 * - `wait`: this process ends its tiers one after the other, and yours later.
 * - `delayed`: drain, after DRAIN_DELAY_MS.
 * - `now`: drain at once.
 */
export type DrainOrder = "delayed" | "now" | "wait";

/** A tier that gets a signal by itself drains if its parent says nothing for this long. */
const UNANSWERED_MS = 1000;

export function drainMessage(order: DrainOrder): object {
  return { drain: order };
}

/**
 * In a tier with a parent: the orders of the parent. A signal to a whole process group (Ctrl-C, or
 * systemd with `KillMode=control-group`) reaches the tiers too, but the HTTP tier must end first:
 * its running requests need the TCP tier. So a signal alone is not an order.
 */
export class DrainOrders {
  readonly #drain = Promise.withResolvers<void>();
  readonly #now = Promise.withResolvers<void>();
  #isWaiting = false;

  constructor() {
    process.on("disconnect", () => this.#take("now"));
    process.on("message", (message: unknown) => {
      if (typeof message === "object" && message !== null && "drain" in message)
        this.#take(message.drain);
    });
  }

  /** Resolves if the tier must not wait for DRAIN_DELAY_MS. */
  get now(): Promise<void> {
    return this.#now.promise;
  }

  /** After a signal: resolves when the tier may drain. */
  async afterSignal(): Promise<void> {
    if (!process.connected) return;
    await Promise.race([this.#drain.promise, Bun.sleep(UNANSWERED_MS)]);
    if (this.#isWaiting) await this.#drain.promise;
  }

  #take(order: unknown): void {
    this.#isWaiting = order === "wait";
    if (order === "wait") return;
    if (order === "now") this.#now.resolve();
    this.#drain.resolve();
  }
}
