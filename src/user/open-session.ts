import type { Client } from "../gen/user.ts";
import type { Call } from "./call.ts";
import { networkOf } from "./network.ts";
import type { UserServiceParts } from "./parts.ts";
import { profileOf } from "./profile-cache.ts";
import { newSessionId } from "./session-id.ts";
import type { Lease, StoredPassword, User } from "./stores.ts";

/** A user whose password was right. */
export interface Opening {
  /** As it was read under the lease. */
  readonly user: User;
  readonly lease: Lease | undefined;
  readonly password: string;
  /** The stored form of the password: the row's, or what has replaced it since. */
  readonly stored: StoredPassword;
  readonly client: Client | undefined;
  /** These sessions end if they are live ones of the same user. */
  readonly replaces: readonly string[] | undefined;
}

/** Why a session has ended before anyone got its id. */
export type Ended = "unknown_user" | "disabled" | "password_changed";

/**
 * Begin a session. If the row may have changed since it was read, read it again: the password may
 * have been changed, or the user deleted, and all sessions ended, just before this one began.
 * @returns the id of the session, or why there is none
 */
export async function openSession(
  parts: UserServiceParts,
  { user, client, ...opening }: Opening,
  call: Call,
): Promise<{ readonly sessionId: string } | { readonly ended: Ended }> {
  const { username } = user;
  const sessionId = newSessionId(username);
  const { mustRecheck } = await parts.sessions.open({
    sessionId,
    profile: profileOf(user),
    lease: opening.lease,
    device: client?.userAgent ?? "",
    address: networkOf(client?.address ?? call.peer),
    replaces: opening.replaces,
  });
  if (!mustRecheck) return { sessionId };
  let ended: Ended | undefined;
  try {
    ended = await recheck(parts, username, opening, call);
  } catch (error) {
    await end(parts, username, sessionId, call);
    throw error;
  }
  if (!ended) return { sessionId };
  await end(parts, username, sessionId, call);
  return { ended };
}

/** @returns undefined if the password is still that of the user */
async function recheck(
  { users, passwords }: UserServiceParts,
  username: string,
  { password, stored }: Pick<Opening, "password" | "stored">,
  call: Call,
): Promise<Ended | undefined> {
  const user = await users.find(username);
  if (!user) return "unknown_user";
  if (user.isDisabled) return "disabled";
  if (user.password === stored.password && user.salt === stored.salt) return undefined;
  // Another sign-in may have stored a stronger hash of the same password.
  return (await passwords.verify(password, user, call)) ? undefined : "password_changed";
}

/** If this fails, the session expires without anyone having got its id. */
async function end(
  { sessions, log }: UserServiceParts,
  username: string,
  sessionId: string,
  { requestId }: Call,
): Promise<void> {
  try {
    await sessions.end(username, [sessionId]);
  } catch (err) {
    log.warn({ err, requestId }, "cannot end a session whose id was not sent");
  }
}
