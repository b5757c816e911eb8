import { RpcError } from "../rpc/error.ts";

/** A client with N connections gets at most 4·N refusals a second. */
const REFUSAL_DELAY_MS = 250;

/** The limit of the memory that delayed answers use. Beyond it, answers are not delayed. */
const MAX_DELAYED = 10_000;

/**
 * Delays the answers to requests that are refused, as too many or because of overload. A refusal
 * costs little, so a client that repeats refused attempts as fast as it can would take the CPU time
 * that the sign-ins of others need. The delay is here and not in the TCP tier, where it would use
 * up the calls in flight.
 */
export class RefusalDelay {
  readonly #delayMs: number;
  readonly #max: number;
  /** Each ends one delay. */
  readonly #ends = new Set<() => void>();
  #isOver = false;

  constructor(delayMs = REFUSAL_DELAY_MS, max = MAX_DELAYED) {
    this.#delayMs = delayMs;
    this.#max = max;
  }

  /** Resolves when a refusal may be answered. */
  async wait(): Promise<void> {
    if (this.#isOver || this.#ends.size >= this.#max) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ends.add(resolve);
    const timer = setTimeout(resolve, this.#delayMs);
    await promise;
    clearTimeout(timer);
    this.#ends.delete(resolve);
  }

  /** End all delays, and delay nothing from now on: a server that closes does not wait for them. */
  end(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
  }
}

/** The TCP tier has refused the request: too many came, or there is too much to do. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  return error.status === "rate_limited" || error.status === "resource_exhausted";
}
