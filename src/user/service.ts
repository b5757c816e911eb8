import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import { NICKNAME_LENGTH } from "../../schema/user.ts";
import type { UserService } from "../gen/user.ts";
import { RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import type { CallContext } from "../rpc/method.ts";
import { type Call, throwIfCancelled } from "./call.ts";
import type { Passwords } from "./password.ts";
import { newSessionId } from "./session-id.ts";
import type { CachedProfile, Lease, SessionStore, User, UserStore } from "./stores.ts";

export interface UserServiceParts {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: Passwords;
  readonly log: Log;
}

const FIRST_NICKNAME = new RegExp(`^.{0,${NICKNAME_LENGTH.max}}`, "su");

/** A rehash may take this share of the remaining time. The next sign-in can rehash, too. */
const REHASH_SHARE = 0.1;

/** The use cases of an account. */
export function createUserService(parts: UserServiceParts): UserService {
  const { users, sessions, passwords } = parts;

  return {
    async signUp({ username, password }, context) {
      passwords.throwIfRefused("password", password, username);
      // This finds most taken names and saves hashing for them. The unique key decides the rest.
      if (await users.find(username)) throw context.error("UserExistedError");
      const stored = await passwords.hash(password, context);
      throwIfCancelled(context, "the write");
      const nickname = firstNickname(username);
      const user = { username, nickname, profilePath: DEFAULT_PROFILE_PATH, ...stored };
      if (!(await users.insert(user))) throw context.error("UserExistedError");
      return {};
    },

    async signIn({ username, password }, context) {
      // The lease comes before the read, so that an update between the two ends it. Without a
      // lease, the sign-in still works, but does not fill the cache.
      const lease = await leaseOrNone(parts, username, context);
      const user = await users.find(username);
      if (!user) throw context.error("UserNotExistError");
      const isRight = await passwords.verify(password, user, context);
      if (!isRight) throw context.error("PasswordError");
      if (passwords.needsRehash(user)) await rehash(parts, user, password, context);
      throwIfCancelled(context, "the write");
      const sessionId = newSessionId(username);
      await sessions.open(sessionId, profileOf(user), lease);
      return { sessionId };
    },

    async signOut({ sessionId }, context) {
      if (!(await sessions.close(sessionId))) throw context.error("InvalidSessionError");
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

function profileOf({ username, nickname, profilePath }: User): CachedProfile {
  return { username, nickname, profilePath };
}

/** If the session store fails here, the call continues and does not fill the cache. */
function leaseOrNone(
  { sessions, log }: UserServiceParts,
  username: string,
  { requestId }: Call,
): Promise<Lease | undefined> {
  return sessions.lease(username).catch((err: unknown) => {
    log.debug({ err, requestId }, "cannot lease the cache");
    return undefined;
  });
}

/** The reader does not wait for this. If it fails, the next reader misses the cache again. */
function fillInBackground(
  { sessions, log }: UserServiceParts,
  profile: CachedProfile,
  lease: Lease,
  { requestId }: Call,
): void {
  sessions.fill(profile, lease).catch((err: unknown) => {
    log.warn({ err, requestId }, "cannot fill the cache");
  });
}

/** @param owner a username in it must be the session's */
async function update(
  { sessions }: UserServiceParts,
  owner: { readonly sessionId: string; readonly username?: string },
  context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  write: (username: string) => Promise<boolean>,
): Promise<void> {
  const session = await sessions.find(owner.sessionId);
  if (!session) throw context.error("InvalidSessionError");
  const { username } = session;
  if (owner.username !== undefined && owner.username !== username) {
    const message = "username: must be the session's own";
    throw new RpcError("invalid_argument", message, { processed: false });
  }
  const found = await sessions.invalidating(username, () => {
    throwIfCancelled(context, "the write");
    return write(username);
  });
  if (!found) throw context.error("UserNotExistError");
}

/** Store a stronger hash. If that fails, the sign-in continues: its password was right. */
async function rehash(
  { users, passwords, log }: UserServiceParts,
  user: User,
  password: string,
  call: Call,
): Promise<void> {
  const now = performance.now();
  const deadline = now + (call.deadline - now) * REHASH_SHARE;
  try {
    const better = await passwords.hash(password, { signal: call.signal, deadline });
    throwIfCancelled(call, "the write");
    await users.replacePassword(user.username, user, better);
  } catch (err) {
    log.warn({ err, requestId: call.requestId }, "cannot store the new hash of a password");
  }
}
