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
