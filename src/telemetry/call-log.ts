import { isDomainErrorName } from "../../schema/errors.ts";
import type { Interceptor, OnEnd, Outcome } from "../rpc/interceptor.ts";
import type { Log } from "../rpc/log.ts";

/** Outcomes that are logged by name. The cause of any other is in the log already. */
const EXPECTED: ReadonlySet<Outcome> = new Set([
  ...["done", "deadline_exceeded", "cancelled", "rate_limited", "permission_denied"],
] as const);

/** Logs each call at its end, at level debug, with its request id. */
export function callLog(log: Log): Interceptor {
  const end: OnEnd = (outcome, { begunAt, requestId, method }, endedAt) => {
    const ms = Math.round(endedAt - begunAt);
    log.debug({ requestId, ms }, `${method.name} ${wordOf(outcome)}`);
  };
  // The level may change while the tier runs.
  return () => (log.isLevelEnabled("debug") ? end : undefined);
}

function wordOf(outcome: Outcome): string {
  return isDomainErrorName(outcome) || EXPECTED.has(outcome) ? outcome : "failed";
}
