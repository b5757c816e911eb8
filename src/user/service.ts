import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import type { UserService } from "../gen/user.ts";
import type { CallContext } from "../rpc/method.ts";
import { createAccountUseCases } from "./account.ts";
import { actorOf } from "./actor.ts";
import { audit } from "./audit.ts";
import { throwIfCancelled } from "./call.ts";
import { createSessionUseCases } from "./own-sessions.ts";
import { type Owner, usernameOf } from "./owner.ts";
import type { UserServiceParts } from "./parts.ts";
import { fillInBackground, leaseOrNone, profileOf } from "./profile-cache.ts";
import { createSignIn } from "./sign-in.ts";
import { createSignUp } from "./sign-up.ts";

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
      audit(log, { event: "sign_out", outcome: "success", username, ...actorOf(client, context) });
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
      return profile;
    },

    async updateNickname({ nickname, ...owner }, context) {
      await update(parts, owner, context, (username) => users.setNickname(username, nickname));
      return { nickname };
    },

    async updateProfilePic({ profilePath, ...owner }, context) {
      await update(parts, owner, context, (name) => users.setProfilePath(name, profilePath));
      return {};
    },

    async findUnusedPictures({ profilePaths }) {
      // The default picture is always in use: the next user who signs up shows it.
      const shown = new Set([DEFAULT_PROFILE_PATH, ...(await users.findShown(profilePaths))]);
      return { unused: profilePaths.filter((path) => !shown.has(path)) };
    },
  };
}

async function update(
  { sessions }: UserServiceParts,
  owner: Owner,
  context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  write: (username: string) => Promise<boolean>,
): Promise<void> {
  const username = await usernameOf(sessions, owner, context);
  const found = await sessions.invalidating(username, () => {
    throwIfCancelled(context, "the write");
    return write(username);
  });
  if (!found) throw context.error("UserNotExistError");
}
