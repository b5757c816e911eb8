import type { DeclaredErrorName } from "../../schema/errors.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import type { Handler } from "../rpc/method.ts";
import { type AuditLine, audit } from "./audit.ts";

/**
 * A handler that leaves an audit line when it ends.
 * @param facts what else the line says about a success
 * @param usernameOf whose account it is. Fields that the contract does not have are in the request,
 *   too.
 */
export function audited<Request extends object, Reply, Errors extends DeclaredErrorName>(
  event: AuditLine["event"],
  log: Log,
  handler: Handler<Request, Reply, Errors>,
  facts?: (request: Request, reply: Reply) => Facts,
  usernameOf?: (request: Request) => string | undefined,
): Handler<Request, Reply, Errors> {
  return async (request, context) => {
    const { caller, peer, requestId } = context;
    const note = ({ outcome, reason, username, ...facts }: Outcome) => {
      const { session, ended, target } = facts;
      const what = { event, outcome, reason, username, address: peer, session, ended, target };
      audit(log, { ...what, by: caller, caller, requestId });
    };
    const username = usernameOf?.(request);
    try {
      const reply = await handler(request, context);
      note({ outcome: "success", username, ...facts?.(request, reply) });
      return reply;
    } catch (error) {
      const reason = reasonOf(error);
      // A name of no account may be a password that was typed in the wrong place.
      note({ outcome: "failure", reason, ...(reason !== "unknown_user" && { username }) });
      throw error;
    }
  };
}

/** The same for an act on the account that the request names. */
export function auditedOfUser<
  Request extends { readonly username: string },
  Reply,
  Errors extends DeclaredErrorName,
>(
  event: AuditLine["event"],
  log: Log,
  handler: Handler<Request, Reply, Errors>,
  facts?: (request: Request, reply: Reply) => Facts,
): Handler<Request, Reply, Errors> {
  return audited(event, log, handler, facts, ({ username }) => username);
}

type Facts = Pick<AuditLine, "session" | "ended" | "target">;
type Outcome = Facts & Pick<AuditLine, "outcome" | "reason" | "username">;

function reasonOf(error: unknown): string {
  if (error instanceof RpcError) return error.status;
  if (!(error instanceof DomainError)) return "internal";
  return error.code === "UserNotExistError" ? "unknown_user" : "database_failed";
}
