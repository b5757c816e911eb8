import type { Lease } from "../user/stores.ts";

/** For how much of its time a lease is handed out: what is left is the last reader's. */
const HANDED_OUT_SHARE = 0.25;

/** One lease for all readers of this process, renewed only when somebody needs it. */
export class SharedLease {
  readonly #handedOutMs: number;
  readonly #ask: () => Promise<Lease>;
  #latest: Lease | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<Lease> | undefined;

  /** @param ask for a lease that nobody has had */
  constructor(leaseMs: number, ask: () => Promise<Lease>) {
    this.#handedOutMs = leaseMs * HANDED_OUT_SHARE;
    this.#ask = ask;
  }

  async get(): Promise<Lease> {
    const isFresh = performance.now() < this.#askedAtMs + this.#handedOutMs;
    if (this.#latest !== undefined && isFresh) return this.#latest;
    this.#asking ??= this.#renew().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #renew(): Promise<Lease> {
    const askedAtMs = performance.now();
    this.#latest = await this.#ask();
    this.#askedAtMs = askedAtMs;
    return this.#latest;
  }
}
