// The shape of `bench/results/<time>.json`: what a run of `bun run bench sla` has measured. All that
// a report shows is computed from here.

export const PORTICO = "Portico";
export const BARE = "bare Bun.serve";
export const CLASSIC_GO = "classic Go";
export const NODE = "Node";
export const HASH_ALONE = "argon2id alone";

export interface BenchResults {
  /** 2; another number where an older report could not read it. */
  readonly version: 2;
  /** UTC, as in "2026-11-23T14:52:13.000Z". */
  readonly startedAt: string;
  /** The command that has made it, as in "bun run bench sla --quick". */
  readonly command: string;
  /** As `git describe --always --dirty` says, or "unknown". */
  readonly commit: string;
  readonly machine: Machine;
  /** Of `bun run bench sla` with its defaults or more: what is less is not quoted. */
  readonly isFull: boolean;
  readonly rounds: number;
  readonly roundSeconds: number;
  /** In the order of the tables; Portico is among them. */
  readonly contenders: readonly string[];
  /** What was not measured and why, as in "classic Go: go is not installed". */
  readonly leftOut: readonly string[];
  readonly loads: readonly LoadResult[];
  /** Throughput over connections, of get_user_info. */
  readonly overConnections: readonly CurvePoint[];
  /** Portico's cost over the rows of the table; empty where only one size was measured. */
  readonly overRows: readonly RowsPoint[];
  /** Resident bytes of Portico's tiers: after the loads with a floor and 2,000
   * connections, and a minute later; each figure is the most of any set of users. */
  readonly memory: readonly TierMemory[];
  /** From starting `bun src/dev-main.ts`, embedded, to its first answer: each try. */
  readonly startMs: readonly number[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  /** As in { "Bun": "1.4.5", "MariaDB": "10.11.14", "Redis": "7.0.15", "wrk": "4.1.0" }. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface LoadResult {
  /** As in "get_user_info", "signin", "signup". */
  readonly endpoint: string;
  readonly connections: number;
  /** How passwords are hashed, where the load verifies or makes hashes. */
  readonly passwordHash?: string;
  /** In the table. */
  readonly users: number;
  /** "wrk" or "oha". */
  readonly tool: string;
  /** Requests per second that the contract promises. */
  readonly floor?: number;
  readonly contenders: readonly ContenderResult[];
}

export interface ContenderResult {
  readonly name: string;
  /** One per round, in order; more than planned where other machines had much of the cores. */
  readonly rounds: readonly Round[];
}

export interface Round {
  readonly seconds: number;
  /** Answered with success: a status under 400, which by the contract is 200. */
  readonly requests: number;
  /** Answers with another status, and connections that failed. */
  readonly errors: number;
  /** Answers 503 with Retry-After, where the load is meant to exceed what can be hashed. */
  readonly refused: number;
  /**
   * Of a sample of answers beside the load: those that were compared in full, and those wrong. Of
   * sign-ups, all that were told of success, and sign-ins of a few afterwards.
   */
  readonly checked: number;
  readonly wrong: number;
  readonly latencyMs: Latency;
  /** CPU seconds by process, as in { "HTTP": 9.1, "TCP": 7.2, "Redis": 3.3, "MariaDB": 0.1 }. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Resident bytes by process, at the end of the round. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** Of the cores' time, what the machine's host gave to others; 0 on a machine of one's own. */
  readonly stolenShare?: number;
}

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface CurvePoint {
  readonly connections: number;
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly errors: number;
}

export interface RowsPoint {
  readonly endpoint: string;
  readonly rows: number;
  /** Of both tiers, Redis and MariaDB together. */
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
}

export interface TierMemory {
  readonly tier: string;
  readonly afterBytes: number;
  readonly minuteLaterBytes: number;
}
