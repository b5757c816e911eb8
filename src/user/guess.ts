import { RpcError } from "../rpc/error.ts";
import type { Counter, Failures } from "./failures.ts";
import type { PasswordTurn } from "./password.ts";

/**
 * @param isFinal false: the caller will ask again before it refuses the attempt
 * @throws {RpcError} rate_limited: one of the counters allows no attempt now
 */
export function throwIfBlocked(
  failures: Failures,
  counters: readonly Counter[],
  isFinal = true,
): void {
  let retryAfterMs = 0;
  let reached: Counter | undefined;
  for (const counter of counters) {
    const blockedMs = failures.blockedMs(counter);
    if (blockedMs <= retryAfterMs) continue;
    retryAfterMs = blockedMs;
    reached = counter;
  }
  if (!reached) return;
  if (isFinal) failures.refused.add(reached);
  const seconds = Math.ceil(retryAfterMs / 1_000);
  const message = `Too many attempts: the next one is allowed in ${seconds} s`;
  throw new RpcError("rate_limited", message, { processed: false, retryAfterMs });
}

/** One password that a caller wants checked. If it is wrong, that counts as a failure. */
export class Guess implements PasswordTurn {
  readonly address: string;
  readonly hasFailed: boolean;
  readonly #failures: Failures;
  readonly #plan: () => readonly Counter[];
  readonly #charge: (counters: readonly Counter[]) => Promise<void>;
  #counters: readonly Counter[] = [];
  /** Whether it counts as running. A check that ends at once does not, unless it fails. */
  #isRunning = false;
  #busy: Counter | undefined;
  #charged: Promise<void> | undefined;

  /**
   * @param origin whose turn it is in the queue of hashes
   * @param plan the counters that decide about the guess and count its failure, as of now
   * @param charge counts a failure at once, and in the store by the time that it resolves
   */
  constructor(
    { address, hasFailed }: Pick<PasswordTurn, "address" | "hasFailed">,
    failures: Failures,
    plan: () => readonly Counter[],
    charge: (counters: readonly Counter[]) => Promise<void>,
  ) {
    this.address = address;
    this.hasFailed = hasFailed ?? false;
    this.#failures = failures;
    this.#plan = plan;
    this.#charge = charge;
  }

  /** @param isFinal as in the function of this name */
  throwIfBlocked(isFinal?: boolean): void {
    throwIfBlocked(this.#failures, this.#plan(), isFinal);
  }

  /** While the guess waited, others may have failed. So it is decided right before the check. */
  begin(isInstant = false): boolean {
    const counters = this.#plan();
    throwIfBlocked(this.#failures, counters);
    this.#busy = this.#failures.busy(counters);
    if (this.#busy) return false;
    this.#counters = counters;
    this.#isRunning = !isInstant;
    if (this.#isRunning) this.#failures.begin(counters);
    return true;
  }

  waitsFor(): string | undefined {
    return this.#busy?.key;
  }

  /**
   * A failure counts at once. Until the store has answered with what the other servers have
   * counted, the guess still counts as running, so that no crowd passes in the time between.
   */
  end(isRight: boolean | undefined): void {
    const counters = this.#counters;
    const wasRunning = this.#isRunning;
    this.#isRunning = false;
    if (isRight !== false) {
      if (wasRunning) this.#failures.end(counters);
      return;
    }
    if (!wasRunning) this.#failures.begin(counters);
    this.#charged = this.#charge(counters).finally(() => this.#failures.end(counters));
  }

  settled(): Promise<void> | undefined {
    return this.#charged;
  }
}
