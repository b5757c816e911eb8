import type { Lease } from "../../user/stores.ts";

/** For how much of its time a lease is handed out: what is left is the last reader's. */
const HANDED_OUT_SHARE = 0.25;

/** One lease for all readers of this process; another one is asked for when somebody needs it. */
export class SharedLease {
  readonly #handedOutMs: number;
  readonly #ask: () => Promise<Lease | undefined>;
  #latest: Promise<Lease | undefined> = Promise.resolve(undefined);
  #handedOutUntilMs = Number.NEGATIVE_INFINITY;

  /** @param ask for a lease that nobody has had, undefined where none can be had */
  constructor(leaseMs: number, ask: () => Promise<Lease | undefined>) {
    this.#handedOutMs = leaseMs * HANDED_OUT_SHARE;
    this.#ask = ask;
  }

  get(): Promise<Lease | undefined> {
    const nowMs = performance.now();
    if (nowMs >= this.#handedOutUntilMs) this.#replace(nowMs);
    return this.#latest;
  }

  #replace(nowMs: number): void {
    this.#latest = this.#ask();
    // Whoever comes meanwhile waits for this one.
    this.#handedOutUntilMs = Number.POSITIVE_INFINITY;
    this.#latest.then(
      () => {
        this.#handedOutUntilMs = nowMs + this.#handedOutMs;
      },
      () => {
        this.#handedOutUntilMs = nowMs;
      },
    );
  }
}
