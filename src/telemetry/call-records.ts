import { isDomainErrorName } from "../../schema/errors.ts";
import type { CallRecord, Explanation } from "../gen/system.ts";
import type { Interceptor, OnEnd, Outcome } from "../rpc/interceptor.ts";
import type { DatabaseOperations } from "./database-operations.ts";

/** How many records of both tiers a TCP server keeps. */
export const MAX_RECORDS = 2000;
/** More in a second are not kept: an outage must not replace all that was before it. */
const MAX_A_SECOND = 100;
const SECOND_MS = 1000;
/** More of one request are not told: the reply must fit into a frame. */
const MAX_TOLD = 50;

/** The client's own fault, or refused as it should be. */
const NO_FAULT: ReadonlySet<Outcome> = new Set([
  ...(["done", "invalid_argument", "rate_limited", "unimplemented"] as const),
]);

/** Keeps the last slow and failed calls of this server, and the requests that HTTP tiers report. */
export class CallRecords {
  readonly #slowMs: number;
  readonly #operations: DatabaseOperations;
  readonly #records: CallRecord[] = [];
  /** Where the next record goes. */
  #next = 0;
  /** When each was kept. */
  readonly #keptAt: number[] = [];
  readonly #startedAt = Date.now();
  #second = 0;
  #keptInSecond = 0;

  /** @param slowMs a call that takes this long is kept, even if it did not fail */
  constructor(slowMs: number, operations: DatabaseOperations) {
    this.#slowMs = slowMs;
    this.#operations = operations;
  }

  readonly interceptor: Interceptor = () => this.#onEnd;

  /** Keep what an HTTP tier says of its own requests; only this server knows its own calls. */
  report(records: readonly CallRecord[]): void {
    for (const record of records) this.#add({ ...record, tier: "http", operations: [] });
  }

  explain(requestId: string): Explanation {
    const isFull = this.#records.length === MAX_RECORDS;
    const since = this.#keptAt[isFull ? this.#next : 0] ?? this.#startedAt;
    return {
      records: this.#records
        .filter((record) => record.requestId === requestId)
        .toSorted((one, other) => one.at.localeCompare(other.at))
        .slice(-MAX_TOLD),
      kept: this.#records.length,
      maxKept: MAX_RECORDS,
      since: new Date(since).toISOString(),
    };
  }

  #add(record: CallRecord): void {
    this.#records[this.#next] = record;
    this.#keptAt[this.#next] = Date.now();
    this.#next = (this.#next + 1) % MAX_RECORDS;
  }

  readonly #onEnd: OnEnd = (outcome, call, endedAt) => {
    const ms = endedAt - call.begunAt;
    if (ms < this.#slowMs && !hasFailed(outcome)) return;
    // The calls of the service itself are no requests.
    if (call.requestId === "" || call.method.name.startsWith("System.")) return;
    const second = Math.floor(endedAt / SECOND_MS);
    if (second !== this.#second) this.#keptInSecond = 0;
    this.#second = second;
    if (++this.#keptInSecond > MAX_A_SECOND) return;
    const spent = call.steps?.spent(endedAt) ?? [];
    const rest = ms - spent.reduce((sum, [, spentMs]) => sum + spentMs, 0);
    const steps = [...spent, ["in the handler", Math.max(0, rest)] as const];
    this.#add({
      tier: "tcp",
      process: process.pid,
      requestId: call.requestId,
      at: new Date(Date.now() - ms).toISOString(),
      what: call.method.name,
      outcome,
      ms,
      steps: steps.map(([name, spentMs]) => ({ name, ms: spentMs })),
      operations: this.#operations.since(call.begunAt, endedAt),
    });
  };
}

function hasFailed(outcome: Outcome): boolean {
  if (NO_FAULT.has(outcome)) return false;
  return outcome === "DataBaseError" || !isDomainErrorName(outcome);
}
