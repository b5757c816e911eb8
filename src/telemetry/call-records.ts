import { isDomainErrorName } from "../../schema/errors.ts";
import type { CallRecord, Explanation } from "../gen/system.ts";
import type { Interceptor, OnEnd, Outcome } from "../rpc/interceptor.ts";
import { PerSecond } from "../rpc/per-second.ts";
import { STOOD_STILL } from "../rpc/steps.ts";
import type { DatabaseOperations } from "./database-operations.ts";
import { RecordRing } from "./record-ring.ts";
import type { Stalls } from "./stalls.ts";

/** How many records of both tiers a TCP server keeps of each kind: failures, and the rest. */
export const MAX_OF_A_KIND = 1000;
/** More of a kind in a second are not kept: an outage must not replace all that was before it. */
const MAX_A_SECOND = 100;
/** A request that failed by no fault of the client. */
const FAILED_REQUEST = /^status 5/;
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
  readonly #stalls: Pick<Stalls, "steps" | "beforeMs">;
  /** A client can make slow requests as it likes. So they do not replace failures. */
  readonly #failed = { ring: new RecordRing(MAX_OF_A_KIND), own: new PerSecond(MAX_A_SECOND) };
  readonly #slow = { ring: new RecordRing(MAX_OF_A_KIND), own: new PerSecond(MAX_A_SECOND) };
  readonly #startedAt = Date.now();

  /** @param slowMs a call that takes this long is kept, even if it did not fail */
  constructor(
    slowMs: number,
    operations: DatabaseOperations,
    stalls: Pick<Stalls, "steps" | "beforeMs">,
  ) {
    this.#slowMs = slowMs;
    this.#operations = operations;
    this.#stalls = stalls;
  }

  readonly interceptor: Interceptor = () => this.#onEnd;

  /** Keep what an HTTP tier says of its own requests; only this server knows its own calls. */
  report(records: readonly CallRecord[]): void {
    for (const record of records) {
      const { ring } = FAILED_REQUEST.test(record.outcome) ? this.#failed : this.#slow;
      ring.add({ ...record, tier: "http", operations: [] });
    }
  }

  explain(requestId: string): Explanation {
    const rings = [this.#failed.ring, this.#slow.ring];
    const all = rings.flatMap(({ records }) => records);
    // A ring that is full may have lost what is older than its oldest.
    const full = rings.flatMap(({ isFull, since }) =>
      isFull && since !== undefined ? [since] : [],
    );
    return {
      records: all
        .filter((record) => record.requestId === requestId)
        .toSorted((one, other) => one.at.localeCompare(other.at))
        .slice(-MAX_TOLD),
      kept: all.length,
      maxKept: rings.length * MAX_OF_A_KIND,
      since: new Date(Math.max(this.#startedAt, ...full)).toISOString(),
    };
  }

  readonly #onEnd: OnEnd = (outcome, call, endedAt) => {
    const ms = endedAt - call.begunAt;
    const isFailure = hasFailed(outcome);
    const lateMs = this.#stalls.beforeMs(call.begunAt, endedAt);
    if (ms + lateMs < this.#slowMs && !isFailure) return;
    // The calls of the service itself are no requests.
    if (call.requestId === "" || call.method.name.startsWith("System.")) return;
    const kind = isFailure ? this.#failed : this.#slow;
    if (!kind.own.take(endedAt)) return;
    const spent = call.steps?.spent(endedAt) ?? [];
    const rest = ms - spent.reduce((sum, [, spentMs]) => sum + spentMs, 0);
    const steps = [...spent, ["in the handler", Math.max(0, rest)] as const];
    kind.ring.add({
      tier: "tcp",
      process: process.pid,
      requestId: call.requestId,
      at: new Date(Date.now() - ms).toISOString(),
      what: call.method.name,
      outcome,
      ...(lateMs > 0 && {
        reason: `${STOOD_STILL} for ${(lateMs / 1000).toFixed(1)} s before it read the call`,
      }),
      ms,
      steps: [
        ...this.#stalls.steps(
          steps.map(([name, spentMs]) => ({ name, ms: spentMs })),
          call.begunAt,
        ),
      ],
      operations: this.#operations.since(call.begunAt, endedAt),
    });
  };
}

function hasFailed(outcome: Outcome): boolean {
  if (NO_FAULT.has(outcome)) return false;
  return outcome === "DataBaseError" || !isDomainErrorName(outcome);
}
