import type { SignedIn, UserService } from "../gen/user.ts";
import { actorOf } from "./actor.ts";
import { audit, auditedSession } from "./audit.ts";
import { type Call, throwIfCancelled } from "./call.ts";
import { turnOf } from "./hash-queue.ts";
import { openSession } from "./open-session.ts";
import type { UserServiceParts } from "./parts.ts";
import { leaseOrNone } from "./profile-cache.ts";
import type { StoredPassword, User } from "./stores.ts";

/** A rehash may take this share of the remaining time. The next sign-in can rehash, too. */
const REHASH_SHARE = 0.1;

type SignIn = UserService["signIn"];
type Context = Parameters<SignIn>[1];

/** Exchanges credentials for a session. */
export function createSignIn(parts: UserServiceParts): SignIn {
  const { users, passwords, throttle, log } = parts;

  return async ({ username, password, client }, context): Promise<SignedIn> => {
    const actor = actorOf(client, context);
    const refuse: Refuse = (code, reason, account) => {
      audit(log, { event: "sign_in", outcome: "failure", reason, username: account, ...actor });
      return context.error(code);
    };
    const attempt = await throttle.signIn(username, { client, actor });
    // The lease comes before the read, so that an update between the two ends it. Without a
    // lease, the sign-in still works, but does not fill the cache.
    const lease = await leaseOrNone(parts, username, context);
    const user = await users.find(username);
    if (!user || user.isDisabled) {
      await attempt.unknownUser();
      if (!user) throw refuse("UserNotExistError", "unknown_user");
      throw refuse("UserNotExistError", "disabled", username);
    }
    const isRight = await passwords.verify(password, user, context, attempt.guess);
    if (!isRight) throw refuse("PasswordError", "wrong_password", username);
    const stored = passwords.needsRehash(user)
      ? await rehash(parts, user, password, context, attempt.address)
      : user;
    throwIfCancelled(context, "the write");
    const replaces = client?.sessionIds;
    const opening = { user, lease, password, stored, client, replaces };
    const session = await openSession(parts, opening, context);
    if (!("sessionId" in session)) {
      const isGone = session.ended !== "password_changed";
      throw refuse(isGone ? "UserNotExistError" : "PasswordError", session.ended, username);
    }
    const handle = auditedSession(log, session.sessionId);
    audit(log, { event: "sign_in", outcome: "success", username, session: handle, ...actor });
    const { sessionId } = session;
    const deviceId = attempt.newDeviceId();
    return deviceId === undefined ? { sessionId } : { sessionId, deviceId };
  };
}

type Refuse = (code: Parameters<Context["error"]>[0], reason: string, account?: string) => Error;

/**
 * Store a stronger hash. If that fails, the sign-in continues: its password was right.
 * @returns what the row has now, as far as is known
 */
async function rehash(
  { users, passwords, log }: UserServiceParts,
  user: User,
  password: string,
  call: Call,
  address: string,
): Promise<StoredPassword> {
  const now = performance.now();
  const deadline = now + (call.deadline - now) * REHASH_SHARE;
  try {
    const better = await passwords.hash(
      password,
      { signal: call.signal, deadline },
      turnOf(address),
    );
    throwIfCancelled(call, "the write");
    return (await users.replacePassword(user.username, user, better)) ? better : user;
  } catch (err) {
    log.warn({ err, requestId: call.requestId }, "cannot store the new hash of a password");
    return user;
  }
}
