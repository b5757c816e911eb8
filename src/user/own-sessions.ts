import type { UserService } from "../gen/user.ts";
import { RpcError } from "../rpc/error.ts";
import { actorOf } from "./actor.ts";
import { audit } from "./audit.ts";
import { usernameOf } from "./owner.ts";
import type { UserServiceParts } from "./parts.ts";
import { sessionHandle } from "./session-id.ts";
import { findByHandle, listOwnSessions, ownSession } from "./session-list.ts";

type SessionUseCases = Pick<UserService, "listSessions" | "endSession" | "endOtherSessions">;

/** What users do with their sessions. */
export function createSessionUseCases(parts: UserServiceParts): SessionUseCases {
  const { sessions, log } = parts;

  return {
    async listSessions({ sessionId }, context) {
      const username = await usernameOf(sessions, { sessionId }, context);
      const stored = await listOwnSessions(sessions, username, sessionId, context);
      return { sessions: stored.map((each) => ownSession(each, sessionId)) };
    },

    async endSession({ id, client, ...owner }, context) {
      const username = await usernameOf(sessions, owner, context);
      const isCurrent = id === sessionHandle(owner.sessionId);
      const sessionId = isCurrent ? owner.sessionId : await findByHandle(sessions, username, id);
      const ended = sessionId === undefined ? 0 : await sessions.end(username, [sessionId]);
      if (ended === 0) {
        const message = "id: must be the id of one of your sessions";
        throw new RpcError("invalid_argument", message, { processed: false });
      }
      const actor = actorOf(client, context);
      audit(log, { event: "session_end", outcome: "success", username, session: id, ...actor });
      return { current: isCurrent };
    },

    async endOtherSessions({ client, ...owner }, context) {
      const username = await usernameOf(sessions, owner, context);
      const stored = await listOwnSessions(sessions, username, owner.sessionId, context);
      const others = stored.flatMap(({ sessionId }) =>
        sessionId === owner.sessionId ? [] : [sessionId],
      );
      const ended = await sessions.end(username, others);
      const actor = actorOf(client, context);
      audit(log, { event: "session_end", outcome: "success", username, ended, ...actor });
      return { ended };
    },
  };
}
