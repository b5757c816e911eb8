import type { Lease } from "../../user/stores.ts";

/** A lease is handed out for this share of its time; the last reader needs the rest. */
const HANDED_OUT_SHARE = 0.25;

/** One lease for all readers of this process. A new one is requested on demand. */
export class SharedLease {
  readonly #handedOutMs: number;
  readonly #request: () => Promise<Lease | undefined>;
  #latest: Promise<Lease | undefined> = Promise.resolve(undefined);
  #handedOutUntilMs = Number.NEGATIVE_INFINITY;

  /** @param request a new lease; undefined if none is granted */
  constructor(leaseMs: number, request: () => Promise<Lease | undefined>) {
    this.#handedOutMs = leaseMs * HANDED_OUT_SHARE;
    this.#request = request;
  }

  get(): Promise<Lease | undefined> {
    const nowMs = performance.now();
    if (nowMs >= this.#handedOutUntilMs) this.#renew(nowMs);
    return this.#latest;
  }

  #renew(nowMs: number): void {
    this.#latest = this.#request();
    // All calls that come before the answer share this request.
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
