import { setTimeout as sleep } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import { RpcError } from "../rpc/error.ts";
import { type Awaited, assertAwaited } from "./awaited.ts";
import { adaptiveConcurrency, type Concurrency } from "./hash-concurrency.ts";

/** Hashes that wait for a core, those that nobody awaits any more included. */
export const MAX_WAITING_HASHES = 2000;

/** Of the time that is left; the rest is for what follows, and for a machine that slows down. */
const QUEUE_SHARE = 0.75;

/** What a hash is thought to take until one has been measured. */
const FIRST_GUESS_MS = 10;

/** A light hash takes less, with others under way: the event loop has no turn for it so soon. */
const LIGHT_MS = 5;

/** How long a result may wait for others: this part of what the queue takes … */
const GATHER_SHARE = 0.1;
/** … and no longer than this. */
const MAX_GATHER_MS = 25;

/** About how many of the latest hashes the average stands for: a crowd that arrives slows a few. */
const AVERAGE_SPAN = 256;

/**
 * Runs costly hashes, first come first served. As many are begun at once as keep busy what cores
 * others leave, and no more: there is a thread for each core and for all native work, so a crowd of
 * hashes would keep files and DNS waiting.
 */
export class HashQueue {
  readonly #concurrency: Concurrency;
  readonly #limit: LimitFunction;
  /** Those that run, and those that wait and are still awaited. */
  readonly #ahead = new Set<symbol>();
  #averageMs = FIRST_GUESS_MS;
  #measured = 0;
  #gathering: Promise<void> | undefined;

  constructor(concurrency = adaptiveConcurrency()) {
    this.#concurrency = concurrency;
    this.#limit = pLimit(concurrency(false));
  }

  /**
   * Run `hash` when its turn comes, unless nobody awaits the call by then.
   * @throws {RpcError} resource_exhausted, at once, where too many are ahead for the time that is
   *   left; deadline_exceeded or cancelled, where nobody awaits the call
   */
  async run<T>(call: Awaited, hash: () => Promise<T>): Promise<T> {
    this.#adapt();
    this.#admit(call);
    const ticket = Symbol();
    const leave = () => this.#ahead.delete(ticket);
    const { signal } = call;
    signal.addEventListener("abort", leave);
    this.#ahead.add(ticket);
    try {
      const result = await this.#limit(() => {
        // From here on it takes its time, whoever awaits it.
        signal.removeEventListener("abort", leave);
        assertAwaited({ deadline: call.deadline, isOver: signal.aborted }, "a hash");
        return this.#measure(hash);
      });
      leave();
      await this.#gather();
      return result;
    } finally {
      leave();
    }
  }

  #adapt(): void {
    const { concurrency, pendingCount } = this.#limit;
    const next = this.#concurrency(pendingCount > 0 && this.#averageMs > LIGHT_MS);
    if (next === concurrency) return;
    this.#limit.concurrency = next;
    // What is done in all is thought to stay the same, and so is how long the queue takes.
    this.#averageMs *= next / concurrency;
  }

  #admit({ deadline }: Awaited): void {
    const { concurrency, pendingCount } = this.#limit;
    // A free place is used whatever the estimate says, so that a wrong one is soon measured anew.
    if (this.#ahead.size < concurrency) return;
    const rounds = Math.floor(this.#ahead.size / concurrency) + 1;
    const estimateMs = Math.ceil(rounds * this.#averageMs);
    const isInTime = estimateMs <= (deadline - performance.now()) * QUEUE_SHARE;
    if (isInTime && pendingCount < MAX_WAITING_HASHES) return;
    const message = `Cannot hash in time: ${this.#ahead.size} hashes are ahead`;
    throw new RpcError("resource_exhausted", message, {
      processed: false,
      retryAfterMs: estimateMs,
    });
  }

  /**
   * Wait a little where there is a queue. Results that are handed on together share what follows:
   * round trips, frames and turns of the event loop in both tiers. For each of its own that is more
   * than half of a light hash, and not little beside a costly one, whose memory drives all else
   * from the caches.
   */
  #gather(): Promise<void> | undefined {
    const { pendingCount, concurrency } = this.#limit;
    const queueMs = (pendingCount / concurrency) * this.#averageMs;
    const gatherMs = Math.min(queueMs * GATHER_SHARE, MAX_GATHER_MS);
    if (gatherMs < 1) return this.#gathering;
    this.#gathering ??= sleep(gatherMs).then(() => {
      this.#gathering = undefined;
    });
    return this.#gathering;
  }

  /** The mean of the first ones, which then fade out. */
  async #measure<T>(hash: () => Promise<T>): Promise<T> {
    const begunAt = performance.now();
    const result = await hash();
    this.#measured = Math.min(this.#measured + 1, AVERAGE_SPAN);
    this.#averageMs += (performance.now() - begunAt - this.#averageMs) / this.#measured;
    return result;
  }
}
