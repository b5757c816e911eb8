import type { RetryLimits } from "../limits.ts";

/** A token bucket, so that retries do not overload a server that is already weak. */
export class RetryBudget {
  readonly #limits: RetryLimits;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;
  /** How often `take` has returned false. */
  refused = 0;

  /** `now` in milliseconds. */
  constructor(limits: RetryLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#tokens = limits.maxSavedRetries;
    this.#filledAt = now();
  }

  /** Each call earns a share of a retry when it begins. */
  earn(): void {
    const { retryShare, maxSavedRetries } = this.#limits;
    if (this.#tokens < maxSavedRetries) this.#tokens += retryShare;
  }

  /** How many retries are allowed at once. */
  get left(): number {
    this.#fill();
    return Math.floor(this.#tokens);
  }

  /** Spend one retry; returns false if none is left. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) {
      this.refused++;
      return false;
    }
    this.#tokens--;
    return true;
  }

  #fill(): void {
    const { retriesPerSecond, maxSavedRetries } = this.#limits;
    const now = this.#now();
    const earned = ((now - this.#filledAt) / 1000) * retriesPerSecond;
    this.#tokens = Math.min(maxSavedRetries, this.#tokens + earned);
    this.#filledAt = now;
  }
}
