import type { Log } from "../rpc/log.ts";
import { sessionHandle } from "./session-id.ts";

/** What happened to an account. `docs/accounts.md` lists them, and the events of `admin_…`. */
export type AuditEvent =
  | "sign_up"
  | "sign_in"
  | "sign_out"
  | "session_end"
  | "password_change"
  | "account_delete"
  | "data_export"
  | "throttle"
  | `admin_${string}`;

/**
 * One act on an account, for the operator. It never contains a password, a hash, a token or a
 * session id: a session has a handle.
 */
export interface AuditLine {
  readonly event: AuditEvent;
  readonly outcome: "success" | "failure";
  /** Why it failed, in one word such as `wrong_password`. */
  readonly reason?: string | undefined;
  /** The account. Undefined if there is none of this name: people type passwords there, too. */
  readonly username?: string | undefined;
  /** The IP address of the browser. */
  readonly address?: string | undefined;
  /** The User-Agent of the browser. */
  readonly device?: string | undefined;
  /** The handle of a session, as in the list of sessions. */
  readonly session?: string | undefined;
  /** How many sessions ended. */
  readonly ended?: number | undefined;
  /** The IP address that an operator named. */
  readonly target?: string | undefined;
  /** Who acted, if it was not the user. */
  readonly by?: string | undefined;
  /** The caller of the RPC. */
  readonly caller?: string | undefined;
  readonly requestId: string;
}

/** Write one line at info, without the fields that are undefined. */
export function audit(log: Log, line: AuditLine): void {
  // Making the line costs more than the question.
  if (log.isLevelEnabled("info")) log.info(line, "audit");
}

/** The handle of a session for an audit line; undefined if none is written. */
export function auditedSession(log: Log, sessionId: string): string | undefined {
  return log.isLevelEnabled("info") ? sessionHandle(sessionId) : undefined;
}
