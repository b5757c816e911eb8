import type { SessionInfo } from "../gen/user.ts";
import { sessionHandle } from "./session-id.ts";
import type { SessionStore, StoredSession } from "./stores.ts";

/** The sessions of a user as they are shown, newest first. */
export async function listSessions(
  sessions: Pick<SessionStore, "list">,
  username: string,
  currentId?: string,
): Promise<SessionInfo[]> {
  const stored = await sessions.list(username);
  return stored.map((session) => {
    const { id, ...shown } = shownSession(session);
    return { id, current: session.sessionId === currentId, ...shown };
  });
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
