import type { UserService } from "../gen/user-service.ts";
import { RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import { type Call, throwIfCancelled } from "./call.ts";
import type { Passwords } from "./password.ts";
import { newSessionId } from "./session-id.ts";
import type { CachedProfile, Lease, SessionStore, User, UserStore } from "./stores.ts";

export interface UserServiceParts {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: Passwords;
  /** The picture of a new user. */
  readonly defaultProfilePath: string;
  readonly log: Log;
}

/** As many code points as a nickname may have. */
const FIRST_NICKNAME = /^.{0,8}/su;

/** How much of the time that is left a better hash may take: the next sign-in can make it, too. */
const REHASH_SHARE = 0.1;

/** The use cases of an account. */
export function createUserService(parts: UserServiceParts): UserService {
  const { users, sessions, passwords, defaultProfilePath, log } = parts;

  return {
    async signUp({ username, password }, context) {
      // Most taken names are found here, which spares a hash; the unique key decides the rest.
      if (await users.find(username)) throw context.error("UserExistedError");
      const stored = await passwords.hash(password, context);
      throwIfCancelled(context, "the write");
      const nickname = firstNickname(username);
      const user = { username, nickname, profilePath: defaultProfilePath, ...stored };
      if (!(await users.insert(user))) throw context.error("UserExistedError");
      return {};
    },

    async signIn({ username, password }, context) {
      // The lease comes before the read: an update in between makes it useless. Where none can be
      // had, name and password can still be judged.
      const lease = await leaseOf(username, context);
      const user = await users.find(username);
      if (!user) throw context.error("UserNotExistError");
      const isRight = await passwords.verify(password, user, context);
      if (!isRight) throw context.error("PasswordError");
      if (passwords.needsRehash(user)) await rehash(user, password, context);
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
      const lease = await leaseOf(session.username, context);
      const user = await users.find(session.username);
      if (!user) throw context.error("UserNotExistError");
      const profile = profileOf(user);
      if (lease !== undefined) {
        // The reader has its answer; that the next one may miss again is no reason to make it wait.
        sessions.fill(profile, lease).catch((err: unknown) => {
          log.warn({ err, requestId: context.requestId }, "cannot fill the cache");
        });
      }
      return profile;
    },

    async updateNickname({ nickname, ...owner }, context) {
      await update(owner, context, (username) => users.setNickname(username, nickname));
      return {};
    },

    async updateProfilePic({ profilePath, ...owner }, context) {
      await update(owner, context, (username) => users.setProfilePath(username, profilePath));
      return {};
    },

    async findUnusedPictures({ profilePaths }) {
      // The next user who signs up shows the default one.
      const shown = new Set([defaultProfilePath, ...(await users.findShown(profilePaths))]);
      return { unused: profilePaths.filter((path) => !shown.has(path)) };
    },
  };

  function leaseOf(username: string, call: Call): Promise<Lease | undefined> {
    return sessions.lease(username).catch((err: unknown) => {
      log.debug({ err, requestId: call.requestId }, "cannot lease the cache");
      return undefined;
    });
  }

  /** @param owner if it has a username, that must be the session's own */
  async function update(
    owner: { readonly sessionId: string; readonly username?: string },
    context: Parameters<UserService["updateNickname"]>[1],
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

  /** The password is right, so the sign-in goes on whether or not its better hash is kept. */
  async function rehash(user: User, password: string, call: Call): Promise<void> {
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
}

/** The nickname of a new user. */
export function firstNickname(username: string): string {
  return FIRST_NICKNAME.exec(username)?.[0] ?? "";
}

function profileOf({ username, nickname, profilePath }: User): CachedProfile {
  return { username, nickname, profilePath };
}
