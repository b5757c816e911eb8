import type { BackoffLimits } from "../limits.ts";

/** When to try a lost server again: soon at first, then less and less often. */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #retry: () => void;
  /** In a row. */
  #failures = 0;
  #triedAt = -Infinity;
  #timer: Timer | undefined;

  constructor(limits: BackoffLimits, retry: () => void) {
    this.#limits = limits;
    this.#retry = retry;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** A try begins: the delay until the next try counts from now. */
  begin(): void {
    this.#triedAt = performance.now();
  }

  /** A try has failed. If the next one is scheduled already, several tries failed together. */
  fail(): void {
    if (this.#timer) return;
    const { minBackoffMs, maxBackoffMs } = this.#limits;
    const fullMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** this.#failures);
    this.#failures++;
    // Jitter: clients that lost a server together must not all reconnect at once.
    const dueAt = this.#triedAt + fullMs * (0.5 + 0.5 * Math.random());
    const onDue = () => {
      this.#timer = undefined;
      this.#retry();
    };
    this.#timer = setTimeout(onDue, Math.max(0, dueAt - performance.now()));
    this.#timer.unref();
  }

  /** The server is back, or no longer needed. */
  end(): void {
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
