import type { Latency, LoadResult } from "../report/results.ts";

/** What was measured of one contender in one round of a load. */
export interface Round {
  readonly seconds: number;
  /** Answered with success: a status under 400, which by the contract is 200. */
  readonly requests: number;
  /** Answers with another status, and connections that failed. */
  readonly errors: number;
  /** Answers 503 with Retry-After, if the load is meant to exceed what can be hashed. */
  readonly refused: number;
  /**
   * Answers that were compared in full, and how many of them were wrong. For sign-ups these are all
   * reported successes, and sign-ins of a few of the new users afterwards.
   */
  readonly checked: number;
  readonly wrong: number;
  readonly latencyMs: Latency;
  /** CPU seconds by process, as in { "HTTP": 9.1, "TCP": 7.2, "Redis": 3.3, "MariaDB": 0.1 }. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Resident bytes by process, at the end of the round. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** The part of all cores' time that the host gave to other machines. */
  readonly stolenShare?: number;
}

/** A load with the rounds of every contender that it was put on. */
export interface MeasuredLoad extends Omit<LoadResult, "contenders"> {
  readonly contenders: readonly {
    readonly name: string;
    /** In order; more than planned if other machines took much of the cores. */
    readonly rounds: readonly Round[];
  }[];
}
