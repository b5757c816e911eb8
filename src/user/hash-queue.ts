import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import { RpcError } from "../rpc/error.ts";
import { type Cancellable, throwIfCancelled } from "./call.ts";
import { lowerHashThreads } from "./hash-threads.ts";

/**
 * With two, a thread that has ended a hash finds the next one in the queue. Otherwise it would wait
 * for the event loop, which takes far longer than a light hash.
 */
const HASHES_PER_THREAD = 2;

/** Hashes that wait for a thread, including those whose callers are gone. */
export const MAX_WAITING_HASHES = 2000;

/** The share of the remaining time that the queue may take; the rest is for the steps after it. */
const QUEUE_SHARE = 0.75;

/** The estimate until a hash has been measured. */
const FIRST_ESTIMATE_MS = 10;

/** A result may wait for others, for this share of the time that the queue takes. */
const GATHER_SHARE = 0.1;
/** The limit of that wait. */
const MAX_GATHER_MS = 25;

/** The average covers about this many hashes, because a sudden crowd slows only a few of them. */
const AVERAGE_SPAN = 256;

/**
 * Runs costly hashes, first come, first served. It runs only as many at once as keep every core
 * busy: files and DNS use the same threads, and would wait behind a crowd of hashes.
 */
export class HashQueue {
  readonly #limit: LimitFunction;
  /** The hashes that run, and the waiting ones whose callers are still there. */
  readonly #ahead = new Set<symbol>();
  #averageMs = FIRST_ESTIMATE_MS;
  #measured = 0;
  #gathering: Promise<void> | undefined;

  /** @param concurrency how many hashes are begun at once */
  constructor(concurrency = availableParallelism() * HASHES_PER_THREAD) {
    this.#limit = pLimit(concurrency);
  }

  /**
   * Run `hash` when its turn comes, unless the call has ended by then.
   * @throws {RpcError} resource_exhausted, at once, if too many hashes are ahead for the remaining
   *   time; deadline_exceeded or cancelled, if the call has ended
   */
  async run<T>(call: Cancellable, hash: () => Promise<T>): Promise<T> {
    lowerHashThreads();
    this.#admit(call);
    const ticket = Symbol();
    const leave = () => this.#ahead.delete(ticket);
    const { signal } = call;
    signal.addEventListener("abort", leave);
    this.#ahead.add(ticket);
    try {
      const result = await this.#limit(() => {
        // A hash that has begun runs to its end, even if the caller leaves.
        signal.removeEventListener("abort", leave);
        throwIfCancelled({ deadline: call.deadline, isOver: signal.aborted }, "a hash");
        return this.#measure(hash);
      });
      leave();
      await this.#gather();
      return result;
    } finally {
      leave();
    }
  }

  #admit({ deadline }: Cancellable): void {
    const { concurrency, pendingCount } = this.#limit;
    // Use a free place whatever the estimate says, so that a wrong estimate is soon corrected.
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
   * If there is a queue, wait a little for other results. Results that continue together share the
   * round trips, frames and turns of the event loop that follow. Without sharing, these cost more
   * than half of a light hash. A costly hash pushes their data out of the CPU's caches, so sharing
   * also helps costly hashes.
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

  /** A running average: exact for the first hashes, which then fade out. */
  async #measure<T>(hash: () => Promise<T>): Promise<T> {
    const begunAt = performance.now();
    const result = await hash();
    this.#measured = Math.min(this.#measured + 1, AVERAGE_SPAN);
    this.#averageMs += (performance.now() - begunAt - this.#averageMs) / this.#measured;
    return result;
  }
}
