import type { Client, UserService } from "../gen/user.ts";
import { RpcError } from "../rpc/error.ts";
import type { CallContext } from "../rpc/method.ts";
import { actorOf } from "./actor.ts";
import { audit } from "./audit.ts";
import { throwIfCancelled } from "./call.ts";
import { turnOf } from "./hash-queue.ts";
import { openSession } from "./open-session.ts";
import { usernameOf } from "./owner.ts";
import type { UserServiceParts } from "./parts.ts";
import { sessionHandle } from "./session-id.ts";
import { listOwnSessions, ownSession } from "./session-list.ts";
import type { StoredPassword, User } from "./stores.ts";

/** How often a write is tried if sign-ins store a stronger hash of the same password. */
const MAX_WRITES = 3;

type AccountUseCases = Pick<UserService, "changePassword" | "deleteAccount" | "exportMyData">;
type PasswordErrors = CallContext<"InvalidSessionError" | "UserNotExistError" | "PasswordError">;

/** What users do with their password and their whole account. */
export function createAccountUseCases(parts: UserServiceParts): AccountUseCases {
  const { users, sessions, passwords, log } = parts;

  return {
    async changePassword({ oldPassword, newPassword, client, ...owner }, context) {
      const event = "password_change";
      const username = await usernameOf(sessions, owner, context);
      passwords.throwIfRefused("newPassword", newPassword, username);
      const { sessionId } = owner;
      const proof = { username, sessionId, password: oldPassword, event, client } as const;
      const turn = turnOf(actorOf(client, context).address);
      let stored: StoredPassword | undefined;
      const user = await writeIfProved(parts, proof, context, async (from) => {
        stored ??= await passwords.hash(newPassword, context, turn);
        const to = stored;
        // The session of the request lives on: if a later step fails, the user is not signed out.
        const ending = { except: sessionId };
        return sessions.invalidating(username, () => replace(from, to), ending);
      });
      audit(log, { event, outcome: "success", username, ...actorOf(client, context) });
      const changed = { user, stored: stored ?? user, password: newPassword };
      const opening = { ...changed, lease: undefined, client, replaces: [sessionId] };
      const session = await openSession(parts, opening, context);
      if ("sessionId" in session) return session;
      // The password has been changed once more, or the user is gone: all sessions have ended.
      throw context.error("InvalidSessionError");

      function replace(from: StoredPassword, to: StoredPassword): Promise<boolean> {
        throwIfCancelled(context, "the write");
        return users.replacePassword(username, from, to);
      }
    },

    async deleteAccount({ password, client, ...owner }, context) {
      const event = "account_delete";
      const username = await usernameOf(sessions, owner, context);
      const { sessionId } = owner;
      const proof = { username, sessionId, password, event, client } as const;
      const { profilePath } = await writeIfProved(parts, proof, context, (from) => {
        const remove = () => {
          throwIfCancelled(context, "the write");
          return users.delete(username, from);
        };
        return sessions.invalidating(username, remove, {});
      });
      audit(log, { event, outcome: "success", username, ...actorOf(client, context) });
      return { profilePath };
    },

    async exportMyData({ sessionId, client }, context) {
      const username = await usernameOf(sessions, { sessionId }, context);
      const account = await users.findAccount(username);
      if (!account) throw context.error("UserNotExistError");
      const { nickname, profilePath, createdAt, modifiedAt } = account;
      const profile = { username, nickname, profilePath, createdAt, modifiedAt };
      // The account was read before the list, which shows whose it is.
      const stored = await listOwnSessions(sessions, username, sessionId, context);
      const data = { ...profile, sessions: stored.map((each) => ownSession(each, sessionId)) };
      const actor = actorOf(client, context);
      audit(log, { event: "data_export", outcome: "success", username, ...actor });
      return data;
    },
  };
}

/** Who wants to change what, and the password that proves it. */
interface Proof {
  readonly username: string;
  readonly sessionId: string;
  readonly password: string;
  readonly event: "password_change" | "account_delete";
  readonly client: Client | undefined;
}

/**
 * Check the password, then write under the condition that the row still has it. If a sign-in has
 * stored a stronger hash in between, check again.
 * @param write returns false if the row has another password than `from`
 * @returns the user as read last
 */
async function writeIfProved(
  { users, passwords, throttle, log }: UserServiceParts,
  { username, sessionId, password, event, client }: Proof,
  context: PasswordErrors,
  write: (from: StoredPassword) => Promise<boolean>,
): Promise<User> {
  const actor = actorOf(client, context);
  const guess = await throttle.confirm(username, sessionHandle(sessionId), { client, actor });
  for (let writes = 0; writes < MAX_WRITES; writes++) {
    const user = await users.find(username);
    if (!user) throw context.error("UserNotExistError");
    if (!(await passwords.verify(password, user, context, guess))) {
      audit(log, { event, outcome: "failure", reason: "wrong_password", username, ...actor });
      throw context.error("PasswordError");
    }
    if (await write(user)) return user;
  }
  const message = `Cannot write: the password's hash has changed ${MAX_WRITES} times`;
  throw new RpcError("resource_exhausted", message);
}
