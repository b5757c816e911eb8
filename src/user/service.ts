import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import type { UserService } from "../gen/user.ts";
import type { CallContext } from "../rpc/method.ts";
import { actorOf } from "./actor.ts";
import { audit, auditedSession } from "./audit.ts";
import { throwIfCancelled } from "./call.ts";
import { createAccountUseCases } from "./own-account.ts";
import { createSessionUseCases } from "./own-sessions.ts";
import { type Owner, throwIfEnded, usernameOf } from "./owner.ts";
import type { UserServiceParts } from "./parts.ts";
import { fillInBackground, leaseOrNone, profileOf } from "./profile-cache.ts";
import { createSignIn } from "./sign-in.ts";
import { createSignUp } from "./sign-up.ts";
import type { FoundUser } from "./stores.ts";

/** The use cases of an account. */
export function createUserService(parts: UserServiceParts): UserService {
  const { users, sessions, log } = parts;

  return {
    signUp: createSignUp(parts),
    signIn: createSignIn(parts),
    ...createSessionUseCases(parts),
    ...createAccountUseCases(parts),

    async signOut({ sessionId, client }, context) {
      const username = await sessions.close(sessionId);
      if (username === undefined) throw context.error("InvalidSessionError");
      const session = auditedSession(log, sessionId);
      const actor = actorOf(client, context);
      audit(log, { event: "sign_out", outcome: "success", username, session, ...actor });
      return {};
    },

    async getUserInfo({ sessionId }, context) {
      const session = await sessions.find(sessionId);
      if (!session) throw context.error("InvalidSessionError");
      if (session.profile) return session.profile;
      const lease = await leaseOrNone(parts, session.username, context);
      const user = await users.find(session.username);
      if (!user) throw context.error("UserNotExistError");
      const profile = profileOf(user);
      if (lease !== undefined) fillInBackground(parts, profile, lease, context);
      await throwIfEnded(sessions, sessionId, context);
      return profile;
    },

    async updateNickname({ nickname, ...owner }, context) {
      await update(parts, owner, context, ({ username, id }) =>
        users.setNickname(username, nickname, id),
      );
      return { nickname };
    },

    async updateProfilePic({ profilePath, ...owner }, context) {
      await update(parts, owner, context, ({ username, id }) =>
        users.setProfilePath(username, profilePath, id),
      );
      return {};
    },

    async findUnusedPictures({ profilePaths }) {
      // The default picture is always in use: the next user who signs up shows it.
      const shown = new Set([DEFAULT_PROFILE_PATH, ...(await users.findShown(profilePaths))]);
      return { unused: profilePaths.filter((path) => !shown.has(path)) };
    },
  };
}

/**
 * Change the row of a session's user. The name may get a new owner at any time, so the row is read
 * first, and then the session is checked once more: if it still lives, the row is that of its user.
 * @param write changes only the row with this id
 */
async function update(
  { users, sessions }: UserServiceParts,
  owner: Owner,
  context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  write: (user: FoundUser) => Promise<boolean>,
): Promise<void> {
  const username = await usernameOf(sessions, owner, context);
  // Sent together with the mark.
  const reading = users.find(username);
  reading.catch(() => undefined); // If the mark fails, that error is thrown.
  // An error is returned, not thrown: nothing is in doubt, so the mark need not stay.
  const refusal = await sessions.invalidating(username, async () => {
    const user = await reading;
    if (!user) return context.error("UserNotExistError");
    if (!(await sessions.find(owner.sessionId))) return context.error("InvalidSessionError");
    throwIfCancelled(context, "the write");
    return (await write(user)) ? undefined : context.error("UserNotExistError");
  });
  if (refusal) throw refusal;
}
