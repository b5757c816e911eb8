import type { UserService } from "../gen/user-service.ts";
import type { Log } from "../log.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import type { Passwords } from "./password.ts";
import { newSessionId } from "./session-id.ts";
import type { CachedProfile, SessionStore, User, UserStore } from "./stores.ts";

export interface UserServiceParts {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: Passwords;
  /** The picture of a new user. */
  readonly defaultProfilePath: string;
  readonly log: Log;
}

type CallContext = Parameters<UserService["signIn"]>[1];

const FIRST_NICKNAME_CODE_POINTS = 8;

/** The use cases of an account. */
export function createUserService(parts: UserServiceParts): UserService {
  const { users, sessions, passwords, defaultProfilePath, log } = parts;

  return {
    async signUp({ username, password }, context) {
      // Most taken names are found here, which spares a hash; the unique key decides the rest.
      if (await users.find(username)) throw new DomainError("UserExistedError");
      const stored = await passwords.hash(password);
      inTime(context.deadline);
      const nickname = firstNickname(username);
      const user = { username, nickname, profilePath: defaultProfilePath, ...stored };
      if (!(await users.insert(user))) throw new DomainError("UserExistedError");
      return {};
    },

    async signIn({ username, password }, context) {
      // The lease comes before the read: an update in between ends it.
      const lease = await sessions.lease(username);
      const user = await users.find(username);
      if (!user) throw new DomainError("UserNotExistError");
      if (!(await passwords.verify(password, user))) throw new DomainError("PasswordError");
      if (passwords.needsRehash(user)) await rehash(user, password, context);
      inTime(context.deadline);
      const sessionId = newSessionId(username);
      await sessions.open(sessionId, profileOf(user), lease);
      return { sessionId };
    },

    async signOut({ sessionId }) {
      if (!(await sessions.close(sessionId))) throw new DomainError("InvalidSessionError");
      return {};
    },

    async getUserInfo({ sessionId }, context) {
      const session = await sessions.find(sessionId);
      if (!session) throw new DomainError("InvalidSessionError");
      if (session.profile) return session.profile;
      const user = await users.find(session.username);
      if (!user) throw new DomainError("UserNotExistError");
      const profile = profileOf(user);
      if (session.lease !== undefined) {
        // The reader has its answer; that the next one may miss again is no reason to make it wait.
        sessions.fill(profile, session.lease).catch((err: unknown) => {
          log.warn({ err, requestId: context.requestId }, "cannot fill the cache");
        });
      }
      return profile;
    },

    async updateNickname({ sessionId, nickname }, context) {
      await update(sessionId, context.deadline, (username) =>
        users.setNickname(username, nickname),
      );
      return {};
    },

    async updateProfilePic({ sessionId, profilePath }, context) {
      await update(sessionId, context.deadline, (username) =>
        users.setProfilePath(username, profilePath),
      );
      return {};
    },
  };

  async function update(
    sessionId: string,
    deadline: number,
    write: (username: string) => Promise<boolean>,
  ): Promise<void> {
    const session = await sessions.find(sessionId);
    if (!session) throw new DomainError("InvalidSessionError");
    const { username } = session;
    const found = await sessions.invalidating(username, () => {
      inTime(deadline);
      return write(username);
    });
    if (!found) throw new DomainError("UserNotExistError");
  }

  /** The password is right, so the sign-in goes on whether or not its better hash is kept. */
  async function rehash(user: User, password: string, context: CallContext): Promise<void> {
    try {
      const better = await passwords.hash(password);
      inTime(context.deadline);
      await users.replacePassword(user.username, user, better);
    } catch (err) {
      log.warn({ err, requestId: context.requestId }, "cannot store the new hash of a password");
    }
  }
}

function firstNickname(username: string): string {
  return Array.from(username).slice(0, FIRST_NICKNAME_CODE_POINTS).join("");
}

function profileOf({ username, nickname, profilePath }: User): CachedProfile {
  return { username, nickname, profilePath };
}

/** A write is never begun after its deadline: its caller has been told that it failed. */
function inTime(deadline: number): void {
  if (performance.now() < deadline) return;
  throw new RpcError("deadline_exceeded", "The deadline passed before the write", {
    processed: false,
  });
}
