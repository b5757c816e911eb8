import { NICKNAME_LENGTH } from "../../schema/lengths.ts";
import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import type { UserService } from "../gen/user.ts";
import type { CallContext } from "../rpc/method.ts";
import { actorOf } from "./actor.ts";
import { audit } from "./audit.ts";
import { throwIfCancelled } from "./call.ts";
import { type Owner, usernameOf } from "./owner.ts";
import type { UserServiceParts } from "./parts.ts";
import { fillInBackground, leaseOrNone, profileOf } from "./profile-cache.ts";
import { createSignIn } from "./sign-in.ts";

const FIRST_NICKNAME = new RegExp(`^.{0,${NICKNAME_LENGTH.max}}`, "su");

/** The use cases of an account. */
export function createUserService(parts: UserServiceParts): UserService {
  const { users, sessions, passwords, log } = parts;

  return {
    async signUp({ username, password, client }, context) {
      passwords.throwIfRefused("password", password, username);
      const actor = actorOf(client, context);
      const refuse = () => {
        const reason = "name_taken";
        audit(log, { event: "sign_up", outcome: "failure", reason, username, ...actor });
        return context.error("UserExistedError");
      };
      // This finds most taken names and saves hashing for them. The unique key decides the rest.
      if (await users.find(username)) throw refuse();
      const stored = await passwords.hash(password, context);
      throwIfCancelled(context, "the write");
      const nickname = firstNickname(username);
      const user = { username, nickname, profilePath: DEFAULT_PROFILE_PATH, ...stored };
      if (!(await users.insert(user))) throw refuse();
      audit(log, { event: "sign_up", outcome: "success", username, ...actor });
      return {};
    },

    signIn: createSignIn(parts),

    async signOut({ sessionId, client }, context) {
      if (!(await sessions.close(sessionId))) throw context.error("InvalidSessionError");
      audit(log, { event: "sign_out", outcome: "success", ...actorOf(client, context) });
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

/** The nickname of a new user: the first code points of the username. */
export function firstNickname(username: string): string {
  return FIRST_NICKNAME.exec(username)?.[0] ?? "";
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
