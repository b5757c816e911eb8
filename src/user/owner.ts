import { RpcError } from "../rpc/error.ts";
import type { CallContext } from "../rpc/method.ts";
import type { SessionStore } from "./stores.ts";

/** How a request says whose account it is about. */
export interface Owner {
  readonly sessionId: string;
  /** If given, it must be the session's own: a page of another session changes nothing. */
  readonly username?: string;
}

/**
 * Check that a session still lives, after something of its user was read by the username. If it
 * does, that belongs to the user of the session. Otherwise it may belong to a new owner of the
 * name, who cannot sign up before all sessions of the old one have ended.
 * @throws {DomainError} InvalidSessionError: it has ended
 */
export async function throwIfEnded(
  sessions: Pick<SessionStore, "find">,
  sessionId: string,
  context: CallContext<"InvalidSessionError">,
): Promise<void> {
  if (!(await sessions.find(sessionId))) throw context.error("InvalidSessionError");
}

/**
 * The username of a session.
 * @throws {DomainError} InvalidSessionError: there is no such session
 * @throws {RpcError} invalid_argument: the request names another user
 */
export async function usernameOf(
  sessions: Pick<SessionStore, "find">,
  owner: Owner,
  context: CallContext<"InvalidSessionError">,
): Promise<string> {
  const session = await sessions.find(owner.sessionId);
  if (!session) throw context.error("InvalidSessionError");
  const { username } = session;
  if (owner.username !== undefined && owner.username !== username) {
    const message = "username: must be the session's own";
    throw new RpcError("invalid_argument", message, { processed: false });
  }
  return username;
}
