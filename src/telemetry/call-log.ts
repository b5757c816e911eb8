import { isDomainErrorName } from "../../schema/errors.ts";
import type { Interceptor, Outcome } from "../rpc/interceptor.ts";
import type { Log } from "../rpc/log.ts";

/** What ended by itself; of all else, who refused or broke it has told the log. */
const PLAIN: ReadonlySet<Outcome> = new Set(["done", "deadline_exceeded", "cancelled"]);

/** One line for each call that ended, at level debug, with the id of the request behind it. */
export function callLog(log: Log): Interceptor | undefined {
  if (!log.isLevelEnabled("debug")) return undefined;
  return (call) => (outcome) => {
    const ms = Math.round(performance.now() - call.begunAt);
    log.debug({ requestId: call.requestId, ms }, `${call.method.name} ${wordOf(outcome)}`);
  };
}

function wordOf(outcome: Outcome): string {
  return isDomainErrorName(outcome) || PLAIN.has(outcome) ? outcome : "failed";
}
