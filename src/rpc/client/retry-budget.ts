import type { RetryLimits } from "../limits.ts";

/** A token bucket: keeps retries from becoming the load that a weak server falls under. */
export class RetryBudget {
  readonly #limits: RetryLimits;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;

  /** `now` in milliseconds. */
  constructor(limits: RetryLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#tokens = limits.maxSavedRetries;
    this.#filledAt = now();
  }

  /** A call begins, and earns its share of a retry. */
  earn(): void {
    const { retryShare, maxSavedRetries } = this.#limits;
    if (this.#tokens < maxSavedRetries) this.#tokens += retryShare;
  }

  /** Whether one more retry is allowed; if so, it is spent. */
  take(): boolean {
    const { retriesPerSecond, maxSavedRetries } = this.#limits;
    const now = this.#now();
    const earned = ((now - this.#filledAt) / 1000) * retriesPerSecond;
    this.#tokens = Math.min(maxSavedRetries, this.#tokens + earned);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
