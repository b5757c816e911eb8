import { isDomainErrorName } from "../../schema/errors.ts";
import type { Interceptor, Outcome } from "../rpc/interceptor.ts";
import type { Log } from "../rpc/log.ts";

/** Outcomes that are logged by name. The cause of any other is in the log already. */
const EXPECTED: ReadonlySet<Outcome> = new Set([
  ...["done", "deadline_exceeded", "cancelled", "rate_limited", "permission_denied"],
] as const);

/** Logs each call at its end, at level debug, with its request id. */
export function callLog(log: Log): Interceptor | undefined {
  if (!log.isLevelEnabled("debug")) return undefined;
  return (call) => (outcome) => {
    const ms = Math.round(performance.now() - call.begunAt);
    log.debug({ requestId: call.requestId, ms }, `${call.method.name} ${wordOf(outcome)}`);
  };
}

function wordOf(outcome: Outcome): string {
  return isDomainErrorName(outcome) || EXPECTED.has(outcome) ? outcome : "failed";
}
