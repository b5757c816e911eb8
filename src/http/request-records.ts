import type { CallRecord, SystemClient } from "../gen/system.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import { PerSecond } from "../rpc/per-second.ts";
import type { Answered, OnAnswered } from "./observer.ts";
import { Refusal } from "./reply.ts";

/** The records that wait to be sent, for instance while no TCP server can be reached. */
const MAX_WAITING = 1000;
const MAX_BATCH = 200;
/** More records of a kind in a second would replace older ones in the TCP tier too soon. */
const MAX_A_SECOND = 100;
const SECOND_MS = 1000;
const SEND_TIMEOUT_MS = 2000;
const CLOSE_MS = 500;
const MAX_REASON = 1000;

type Steps = CallRecord["steps"];

/** Knows when this process stood still. */
interface Stalls extends Disposable {
  steps(steps: Readonly<Steps>, begunAt: number): Readonly<Steps>;
}

/** Tells the TCP tier which requests were slow or failed, for System.explain. */
export class RequestRecords {
  readonly #system: Pick<SystemClient, "report">;
  readonly #slowMs: number;
  readonly #log: Log;
  #waiting: CallRecord[] = [];
  readonly #stalls: Stalls;
  /** A client can make slow requests as it likes. So they do not replace failures. */
  readonly #failed = new PerSecond(MAX_A_SECOND);
  readonly #slow = new PerSecond(MAX_A_SECOND);
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;

  /** @param slowMs a request that takes this long is kept, even if it did not fail */
  constructor(system: Pick<SystemClient, "report">, slowMs: number, stalls: Stalls, log: Log) {
    this.#stalls = stalls;
    this.#system = system;
    this.#slowMs = slowMs;
    this.#log = log;
  }

  readonly onAnswered: OnAnswered = (answered) => {
    if (answered.ms < this.#slowMs && !hasFailed(answered)) return;
    const isFailure = answered.status >= 500;
    if (!(isFailure ? this.#failed : this.#slow).take(performance.now())) return;
    this.#waiting.push(recordOf(answered, this.#stalls));
    if (this.#waiting.length > MAX_WAITING) {
      const slow = this.#waiting.findIndex(({ outcome }) => !outcome.startsWith("status 5"));
      this.#waiting.splice(Math.max(0, slow), 1);
    }
    this.#sendLater();
  };

  /** Send what waits, if that takes no longer than a moment. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stalls[Symbol.dispose]();
    if (this.#waiting.length > 0) await Promise.race([this.#send(), Bun.sleep(CLOSE_MS)]);
  }

  #sendLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sending ??= this.#send().finally(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0) this.#sendLater();
      });
    }, SECOND_MS).unref();
  }

  async #send(): Promise<void> {
    const records = this.#waiting.splice(0, MAX_BATCH);
    try {
      await this.#system.report({ records }, { timeoutMs: SEND_TIMEOUT_MS });
    } catch (error) {
      // The server may have them already: System.explain leaves out what is there twice.
      this.#waiting = [...records, ...this.#waiting].slice(-MAX_WAITING);
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.debug({ reason, waiting: this.#waiting.length }, "records of requests wait");
    }
  }
}

/** Mistakes of clients are no failures. A body that the client has cut short may be one. */
function hasFailed({ status, problem, request }: Answered): boolean {
  return (
    status >= 500 || (status === 400 && problem !== undefined && request?.signal.aborted === true)
  );
}

function recordOf(answered: Answered, stalls: Stalls): CallRecord {
  const { requestId, method, route, status, ms, request, problem } = answered;
  const isGone = request?.signal.aborted === true;
  return {
    tier: "http",
    process: process.pid,
    requestId,
    at: new Date(Date.now() - ms).toISOString(),
    what: `${method} ${route}`,
    outcome: isGone ? `the client closed the connection (status ${status})` : `status ${status}`,
    ...(problem !== undefined && { reason: reasonOf(problem).slice(0, MAX_REASON) }),
    ms,
    steps: [
      ...stalls.steps(
        answered.spent().map(([name, spentMs]) => ({ name, ms: spentMs })),
        performance.now() - ms,
      ),
    ],
    operations: [],
  };
}

/** Other errors may have anything in their texts. */
function reasonOf(problem: unknown): string {
  const isOurs =
    problem instanceof Refusal || problem instanceof RpcError || problem instanceof DomainError;
  const code = problem instanceof Error && "code" in problem ? problem.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return `the disk of the pictures is full (${code})`;
  return isOurs ? problem.message : "an unexpected error: the log has it with this request id";
}
