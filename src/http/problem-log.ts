import { DomainError, RpcError, type RpcStatus } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import { Refusal } from "./reply.ts";

/** How an RPC error is logged, if not at warn. The TCP tier logs what it limits. */
const LEVEL_BY_STATUS: Partial<Record<RpcStatus, "debug" | "error">> = {
  cancelled: "debug", // The browser has gone.
  // A mistake of the client that only the TCP tier can see, such as a common password.
  invalid_argument: "debug",
  rate_limited: "debug",
  permission_denied: "error",
};

/** Log mistakes of clients at debug, failures of the environment at warn, and bugs at error. */
export function logProblem(log: Log, fields: object, event: string, problem: unknown): void {
  const reason = problem instanceof Error ? problem.message : String(problem);
  if (problem instanceof Refusal) log.debug({ ...fields, reason }, event);
  else if (problem instanceof RpcError)
    log[LEVEL_BY_STATUS[problem.status] ?? "warn"]({ ...fields, reason }, event);
  else if (!(problem instanceof DomainError)) log.error({ ...fields, err: problem }, event);
  else if (problem.code === "DataBaseError") log.warn({ ...fields, reason }, event);
  else log.debug({ ...fields, reason }, event);
}
