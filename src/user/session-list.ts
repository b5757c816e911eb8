import type { SessionInfo } from "../gen/user.ts";
import type { CallContext } from "../rpc/method.ts";
import { throwIfEnded } from "./owner.ts";
import { sessionHandle } from "./session-id.ts";
import type { SessionStore, StoredSession } from "./stores.ts";

/**
 * The sessions of the user of a session, newest first.
 * @throws {DomainError} InvalidSessionError: the session has ended, so they may be those of a new
 * owner of the name
 */
export async function listOwnSessions(
  sessions: Pick<SessionStore, "list" | "find">,
  username: string,
  currentId: string,
  context: CallContext<"InvalidSessionError">,
): Promise<StoredSession[]> {
  const stored = await sessions.list(username);
  // A session of a server of an older version is not in the list.
  const isListed = stored.some(({ sessionId }) => sessionId === currentId);
  if (!isListed) await throwIfEnded(sessions, currentId, context);
  return stored;
}

/** A session as it is shown to its owner. */
export function ownSession(stored: StoredSession, currentId: string): SessionInfo {
  const { id, ...shown } = shownSession(stored);
  return { id, current: stored.sessionId === currentId, ...shown };
}

/** A session as it is shown to others than its owner, too. */
export function shownSession(stored: StoredSession): Omit<SessionInfo, "current"> {
  const { sessionId, createdAtMs, expiresAtMs, device, address } = stored;
  return {
    id: sessionHandle(sessionId),
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
    device,
    address,
  };
}

/** The id of the session that has a handle in the list. */
export async function findByHandle(
  sessions: Pick<SessionStore, "list">,
  username: string,
  handle: string,
): Promise<string | undefined> {
  const all = await sessions.list(username);
  return all.find(({ sessionId }) => sessionHandle(sessionId) === handle)?.sessionId;
}
