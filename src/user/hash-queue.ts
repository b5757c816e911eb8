import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Durations } from "../rpc/durations.ts";
import { RpcError } from "../rpc/error.ts";
import { type Cancellable, throwIfCancelled } from "./call.ts";
import { FairSlots } from "./fair-slots.ts";
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

/** Who a hash is for. */
export interface Turn {
  /** The hashes of one address run first come, first served; the addresses take turns. */
  readonly address: string;
  /** Whether the address has failed lately. Others then go first, by every other turn. */
  readonly hasFailed?: boolean;
  /**
   * Called right before the hash.
   * @returns false if it has to wait until another hash has ended, or until `HashQueue.retry`
   * @throws the hash is no longer allowed
   */
  begin(): boolean;
  /** If `begin` has returned false: what is busy. Turns that wait for the same share the name. */
  waitsFor?(): string | undefined;
}

/** The turn of a hash that is always allowed. */
export function turnOf(address: string): Turn {
  return { address, begin: () => true };
}

function lineOf({ address, hasFailed = false }: Turn) {
  return { line: address, hasFailed };
}

/** The turn of hashes that no address asked for. */
const NO_ADDRESS = turnOf("");

/** What the queue has at the moment, and what it has counted. */
export interface HashQueueCounts {
  readonly waiting: number;
  readonly running: number;
  /** Hashes that could not be done in time, or that gave their place to calmer addresses. */
  readonly refused: number;
  /** The waits of the hashes that have begun. */
  readonly waits: Durations;
  /** The hashes that have succeeded, without their waits. */
  readonly hashes: Durations;
}

/**
 * Runs costly hashes. Addresses take turns, so a flood from one delays the others less. It runs
 * only as many at once as keep every core busy: files and DNS use the same threads, and would wait
 * behind a crowd of hashes.
 */
export class HashQueue {
  readonly #slots: FairSlots;
  /** The hashes that run, and the waiting ones whose callers are still there. */
  readonly #ahead = new Set<symbol>();
  #averageMs = FIRST_ESTIMATE_MS;
  #measured = 0;
  /** By whether they have failed. */
  readonly #gathering = new Map<boolean, Promise<void>>();
  readonly #waits = new Durations();
  readonly #hashes = new Durations();
  #refused = 0;

  /** @param concurrency how many hashes are begun at once */
  constructor(concurrency = availableParallelism() * HASHES_PER_THREAD) {
    this.#slots = new FairSlots(concurrency);
  }

  /**
   * Run `hash` when its turn comes, unless the call has ended by then.
   * @throws {RpcError} resource_exhausted, at once, if too many hashes are ahead for the remaining
   *   time, or later, if a hash of a calmer address takes the place; deadline_exceeded or
   *   cancelled, if the call has ended; what `turn.begin` throws
   */
  async run<T>(call: Cancellable, hash: () => Promise<T>, turn = NO_ADDRESS): Promise<T> {
    lowerHashThreads();
    call.step?.("waiting for a hash");
    this.#admit(call, turn);
    const ticket = Symbol();
    const leave = () => this.#ahead.delete(ticket);
    const { signal } = call;
    signal.addEventListener("abort", leave);
    this.#ahead.add(ticket);
    try {
      const result = await this.#runInSlot(call, hash, turn, leave);
      leave();
      await this.#gather(turn.hasFailed === true);
      return result;
    } finally {
      leave();
      call.step?.(undefined);
    }
  }

  get counts(): HashQueueCounts {
    return {
      waiting: this.#slots.waiting,
      running: this.#slots.taken,
      refused: this.#refused,
      waits: this.#waits,
      hashes: this.#hashes,
    };
  }

  /** Call this if turns that had to wait may be able to begin, although no hash has ended. */
  retry(): void {
    this.#slots.retry();
  }

  async #runInSlot<T>(
    call: Cancellable,
    hash: () => Promise<T>,
    turn: Turn,
    leave: () => void,
  ): Promise<T> {
    const { deadline, signal } = call;
    const queuedAt = performance.now();
    await this.#slots.acquire({
      ...lineOf(turn),
      start() {
        throwIfCancelled({ deadline, isOver: signal.aborted }, "a hash");
        if (!turn.begin()) return false;
        // A hash that has begun runs to its end, even if the caller leaves.
        signal.removeEventListener("abort", leave);
        return true;
      },
      waitsFor: () => turn.waitsFor?.(),
    });
    this.#waits.add(performance.now() - queuedAt);
    call.step?.("hashing");
    try {
      return await this.#measure(hash);
    } finally {
      this.#slots.release();
      call.step?.(undefined);
    }
  }

  #admit({ deadline }: Cancellable, turn: Turn): void {
    // Use a free place whatever the estimate says, so that a wrong estimate is soon corrected.
    if (this.#ahead.size < this.#slots.size) return;
    const availableMs = (deadline - performance.now()) * QUEUE_SHARE;
    let ahead = this.#ahead.size;
    // Most hashes are in time even if all others are ahead, which costs nothing to count.
    if (this.#estimateMs(ahead) > availableMs)
      ahead = Math.min(ahead, this.#slots.ahead(lineOf(turn)));
    const estimateMs = this.#estimateMs(ahead);
    const error = () => {
      this.#refused++;
      return new RpcError("resource_exhausted", `Cannot hash in time: ${ahead} hashes are ahead`, {
        processed: false,
        retryAfterMs: estimateMs,
      });
    };
    if (estimateMs > availableMs) throw error();
    const isFull = this.#slots.waiting >= MAX_WAITING_HASHES;
    if (isFull && !this.#slots.displace(lineOf(turn), error)) throw error();
  }

  /** How long a hash takes to end if this many are ahead of it. */
  #estimateMs(ahead: number): number {
    const rounds = Math.floor(ahead / this.#slots.size) + 1;
    return Math.ceil(rounds * this.#averageMs);
  }

  /**
   * If there is a queue, wait a little for other results. Results that continue together share the
   * round trips, frames and turns of the event loop that follow. Without sharing, these cost more
   * than half of a light hash. A costly hash pushes their data out of the CPU's caches, so sharing
   * also helps costly hashes. If the address has not failed, only others like it count as a queue,
   * so that a flood of failures does not delay its result.
   */
  #gather(hasFailed: boolean): Promise<void> | undefined {
    const { waiting, waitingCalm, size } = this.#slots;
    const queueMs = ((hasFailed ? waiting : waitingCalm) / size) * this.#averageMs;
    const gatherMs = Math.min(queueMs * GATHER_SHARE, MAX_GATHER_MS);
    const gathering = this.#gathering.get(hasFailed);
    if (gathering || gatherMs < 1) return gathering;
    const gathered = sleep(gatherMs).then(() => {
      this.#gathering.delete(hasFailed);
    });
    this.#gathering.set(hasFailed, gathered);
    return gathered;
  }

  /** A running average: exact for the first hashes, which then fade out. */
  async #measure<T>(hash: () => Promise<T>): Promise<T> {
    const begunAt = performance.now();
    const result = await hash();
    const ms = performance.now() - begunAt;
    this.#hashes.add(ms);
    this.#measured = Math.min(this.#measured + 1, AVERAGE_SPAN);
    this.#averageMs += (ms - this.#averageMs) / this.#measured;
    return result;
  }
}
