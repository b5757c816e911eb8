import { DomainError, RpcError, type RpcStatus } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import type { Answered } from "./observer.ts";
import { PROBES } from "./probes.ts";
import { Refusal } from "./reply.ts";

/** The requests that get a line of the access log. */
export type AccessLog = "all" | "errors" | "off";

/** With "errors", an outage must not fill the disk: more lines in a second are only counted. */
const MAX_ERROR_LINES = 100;
const SECOND_MS = 1000;
const EVENT = "request";

/** Writes the lines about a request: one of the access log, and one of the fault if it has one. */
export class RequestLog {
  readonly #log: Log;
  /** It may change while the tier runs. */
  access: AccessLog;
  /** The second of the clock that the next two count. */
  #second = 0;
  #written = 0;
  #skipped = 0;

  constructor(log: Log, access: AccessLog) {
    this.#log = log;
    this.access = access;
  }

  /** Call it before the answer is sent: the client's address is not known later. */
  write(answered: Answered): void {
    const { problem } = answered;
    const isInLog = this.#takes(answered);
    const level = problem === undefined ? "debug" : levelOf(problem);
    if (isInLog) this.#writeAccess(answered, level === "debug" ? problem : undefined);
    if ((level === "debug" && isInLog) || !this.#log.isLevelEnabled(level)) return;
    const { requestId, request, method, route, status } = answered;
    const fields = { requestId, ms: Math.round(answered.ms) };
    const event = request ? `${method} ${route} ${status}` : "request failed outside its handler";
    if (problem === undefined) this.#log.debug(fields, event);
    else if (level === "error" && !(problem instanceof RpcError)) {
      this.#log.error({ ...fields, err: problem }, event);
    } else this.#log[level]({ ...fields, reason: reasonOf(problem) }, event);
  }

  /** Whether a request of this kind has lines at all. Costs next to nothing. */
  wants(status: number, problem: unknown): boolean {
    if (problem !== undefined || status >= 500) return true;
    return this.access === "all" || this.#log.isLevelEnabled("debug");
  }

  #takes({ route, status, problem }: Answered): boolean {
    if (this.access === "off" || !this.#log.isLevelEnabled("info")) return false;
    if (PROBES.has(route) && problem === undefined) return false;
    if (this.access === "all") return true;
    return status >= 500 && !isCancelled(problem) && this.#hasRoom();
  }

  #hasRoom(): boolean {
    const second = Math.floor(performance.now() / SECOND_MS);
    if (second !== this.#second) {
      const skipped = this.#skipped;
      this.#second = second;
      this.#written = this.#skipped = 0;
      if (skipped > 0) this.#log.info({ skipped }, "more failed requests than lines in a second");
    }
    if (this.#written === MAX_ERROR_LINES) {
      this.#skipped++;
      return false;
    }
    this.#written++;
    return true;
  }

  /** @param problem that no other line tells */
  #writeAccess(answered: Answered, problem: unknown): void {
    const { method, route, status, bytes, address, requestId, traceId } = answered;
    const ms = Math.round(answered.ms * 10) / 10;
    // No text but the reason has characters that JSON must escape.
    let fields = `"method":"${method}","route":"${route}","status":${status},"ms":${ms}`;
    if (bytes !== undefined) fields += `,"bytes":${bytes}`;
    fields += `,"address":"${address}","requestId":"${requestId}"`;
    if (traceId !== undefined) fields += `,"traceId":"${traceId}"`;
    if (problem !== undefined) fields += `,"reason":${JSON.stringify(reasonOf(problem))}`;
    if (this.#log.infoJson) this.#log.infoJson(fields, EVENT);
    else this.#log.info(JSON.parse(`{${fields}}`), EVENT);
  }
}

function isCancelled(problem: unknown): boolean {
  return problem instanceof RpcError && problem.status === "cancelled";
}

function reasonOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

/** How an RPC error is logged, if not at warn. The TCP tier logs what it limits. */
const LEVEL_BY_STATUS: Partial<Record<RpcStatus, "debug" | "error">> = {
  cancelled: "debug", // The browser has gone.
  // A mistake of the client that only the TCP tier can see, such as a common password.
  invalid_argument: "debug",
  rate_limited: "debug",
  permission_denied: "error",
};

/** Mistakes of clients are logged at debug, failures of the environment at warn, bugs at error. */
function levelOf(problem: unknown): "debug" | "warn" | "error" {
  if (problem instanceof Refusal) return "debug";
  if (problem instanceof RpcError) return LEVEL_BY_STATUS[problem.status] ?? "warn";
  if (!(problem instanceof DomainError)) return "error";
  return problem.code === "DataBaseError" ? "warn" : "debug";
}
