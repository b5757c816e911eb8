import type { Lease } from "../user/stores.ts";

/** For how much of its time a lease is handed out: what is left is the last reader's. */
const HANDED_OUT_SHARE = 0.25;

/** One lease for all readers of this process; another one is asked for when somebody needs it. */
export class SharedLease {
  readonly #handedOutMs: number;
  readonly #ask: () => Promise<Lease | undefined>;
  #latest: Lease | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<Lease | undefined> | undefined;

  /** @param ask for a lease that nobody has had, undefined where none can be had */
  constructor(leaseMs: number, ask: () => Promise<Lease | undefined>) {
    this.#handedOutMs = leaseMs * HANDED_OUT_SHARE;
    this.#ask = ask;
  }

  async get(): Promise<Lease | undefined> {
    if (performance.now() < this.#askedAtMs + this.#handedOutMs) return this.#latest;
    this.#asking ??= this.#replace().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #replace(): Promise<Lease | undefined> {
    const askedAtMs = performance.now();
    this.#latest = await this.#ask();
    this.#askedAtMs = askedAtMs;
    return this.#latest;
  }
}
