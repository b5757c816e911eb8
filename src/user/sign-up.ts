import { NICKNAME_LENGTH } from "../../schema/lengths.ts";
import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import type { UserService } from "../gen/user.ts";
import { actorOf } from "./actor.ts";
import { audit } from "./audit.ts";
import { throwIfCancelled } from "./call.ts";
import type { UserServiceParts } from "./parts.ts";
import { profileOf } from "./profile-cache.ts";

const FIRST_NICKNAME = new RegExp(`^.{0,${NICKNAME_LENGTH.max}}`, "su");

/** Creates users. */
export function createSignUp(parts: UserServiceParts): UserService["signUp"] {
  const { users, sessions, passwords, throttle, log } = parts;

  return async ({ username, password, client }, context) => {
    const actor = actorOf(client, context);
    const refuse = () => {
      const reason = "name_taken";
      audit(log, { event: "sign_up", outcome: "failure", reason, username, ...actor });
      return context.error("UserExistedError");
    };
    passwords.throwIfRefused("password", password, username);
    const attempt = await throttle.signUp({ client, actor });
    // This finds most taken names and saves hashing for them. The unique key decides the rest.
    if (await users.find(username)) {
      await attempt.taken();
      throw refuse();
    }
    const stored = await passwords.hash(password, context, attempt.turn);
    const nickname = firstNickname(username);
    const user = { username, nickname, profilePath: DEFAULT_PROFILE_PATH, ...stored };
    const insert = () => {
      throwIfCancelled(context, "the write");
      return users.insert(user);
    };
    // The row of an earlier user may have been deleted by hand: that user may still have sessions,
    // be cached, or be signing in.
    const isInserted = await sessions.inserting(profileOf(user), async () => {
      return (await endEarlierSessions(parts, username)) && (await insert());
    });
    if (!isInserted) throw refuse();
    audit(log, { event: "sign_up", outcome: "success", username, ...actor });
    return {};
  };
}

/**
 * End the sessions of an earlier user of a name. They are listed before the name is found free, so
 * that none of them can be a session of a new user. A sign-in of the earlier user that is still in
 * progress reads the row again, because the name is marked as being updated.
 * @returns false if the name has been taken
 */
async function endEarlierSessions(
  { users, sessions }: UserServiceParts,
  username: string,
): Promise<boolean> {
  const earlier = await sessions.list(username);
  if (earlier.length === 0) return true;
  if (await users.find(username)) return false;
  const sessionIds = earlier.map(({ sessionId }) => sessionId);
  await sessions.end(username, sessionIds);
  return true;
}

/** The nickname of a new user: the first code points of the username. */
export function firstNickname(username: string): string {
  return FIRST_NICKNAME.exec(username)?.[0] ?? "";
}
