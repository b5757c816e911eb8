import { isDomainErrorName } from "../../schema/errors.ts";
import type { CallRecord, Explanation } from "../gen/system.ts";
import type { InterceptedCall, Interceptor, Outcome } from "../rpc/interceptor.ts";
import type { DatabaseOperations } from "./database-operations.ts";

/** How many records of both tiers a TCP server keeps. */
export const MAX_RECORDS = 2000;
/** More in a second are not kept: an outage must not replace all that was before it. */
const MAX_A_SECOND = 100;
const SECOND_MS = 1000;

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
  #since = new Date();
  #second = 0;
  #keptInSecond = 0;

  /** @param slowMs a call that takes this long is kept, even if it did not fail */
  constructor(slowMs: number, operations: DatabaseOperations) {
    this.#slowMs = slowMs;
    this.#operations = operations;
  }

  readonly interceptor: Interceptor = () => this.#onEnd;

  add(records: readonly CallRecord[]): void {
    for (const record of records) {
      const replaced = this.#records[this.#next];
      if (replaced) this.#since = new Date(this.#records[(this.#next + 1) % MAX_RECORDS]?.at ?? 0);
      this.#records[this.#next] = record;
      this.#next = (this.#next + 1) % MAX_RECORDS;
    }
  }

  explain(requestId: string): Explanation {
    return {
      records: this.#records
        .filter((record) => record.requestId === requestId)
        .toSorted((one, other) => one.at.localeCompare(other.at)),
      kept: this.#records.length,
      maxKept: MAX_RECORDS,
      since: this.#since.toISOString(),
    };
  }

  readonly #onEnd = (outcome: Outcome, call: InterceptedCall): void => {
    const now = performance.now();
    const ms = now - call.begunAt;
    if (ms < this.#slowMs && !hasFailed(outcome)) return;
    // The calls of the service itself are no requests.
    if (call.requestId === "" || call.method.name.startsWith("System.")) return;
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) this.#keptInSecond = 0;
    this.#second = second;
    if (++this.#keptInSecond > MAX_A_SECOND) return;
    const spent = call.steps?.spent(now) ?? [];
    const rest = ms - spent.reduce((sum, [, spentMs]) => sum + spentMs, 0);
    const steps = [...spent, ["in the handler", Math.max(0, rest)] as const];
    this.add([
      {
        tier: "tcp",
        process: process.pid,
        requestId: call.requestId,
        at: new Date(Date.now() - ms).toISOString(),
        what: call.method.name,
        outcome,
        ms,
        steps: steps.map(([name, spentMs]) => ({ name, ms: spentMs })),
        operations: this.#operations.since(call.begunAt, now),
      },
    ]);
  };
}

function hasFailed(outcome: Outcome): boolean {
  if (NO_FAULT.has(outcome)) return false;
  return outcome === "DataBaseError" || !isDomainErrorName(outcome);
}
