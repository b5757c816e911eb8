import { DomainError } from "./errors.js";

/**
 * @typedef {object} Parts
 * @property {import("./users.js").Users} users
 * @property {import("./sessions.js").Sessions} sessions
 * @property {import("./passwords.js").Passwords} passwords
 */

/** @typedef {{ username: string, password: string }} Credentials */
/** @typedef {{ sessionId: string }} SessionRef */

const DEFAULT_PROFILE_PATH = "default.webp";
const NICKNAME_CODE_POINTS = 8;

/**
 * The use cases of an account. They reject with DomainError, or TooBusy.
 * @param {Parts} parts
 */
export function createUserService({ users, sessions, passwords }) {
  return {
    /** @param {Credentials} request */
    async signUp({ username, password }) {
      // Finds most taken names without a hash. The unique key finds the others.
      if (await users.find(username)) throw new DomainError("UserExistedError");
      const stored = await passwords.hash(password);
      const nickname = [...username].slice(0, NICKNAME_CODE_POINTS).join("");
      await users.insert({ username, nickname, profilePath: DEFAULT_PROFILE_PATH, ...stored });
      return {};
    },

    /** @param {Credentials} request */
    async signIn({ username, password }) {
      const user = await users.find(username);
      if (!user) throw new DomainError("UserNotExistError");
      if (!(await passwords.verify(password, user))) throw new DomainError("PasswordError");
      return { sessionId: await sessions.open(user) };
    },

    /** @param {SessionRef} request */
    async signOut({ sessionId }) {
      await sessions.close(sessionId);
      return {};
    },

    /** @param {SessionRef} request */
    async getUserInfo({ sessionId }) {
      const username = await sessions.username(sessionId);
      const cached = await sessions.cached(username);
      if (cached) return cached;
      const user = await users.find(username);
      if (!user) throw new DomainError("UserNotExistError");
      const profile = { username, nickname: user.nickname, profilePath: user.profilePath };
      await sessions.cache(profile);
      return profile;
    },

    /** @param {SessionRef & { nickname: string }} request */
    async updateNickname({ sessionId, nickname }) {
      const username = await sessions.username(sessionId);
      if (!(await users.setNickname(username, nickname))) {
        throw new DomainError("UserNotExistError");
      }
      await sessions.drop(username);
      return {};
    },
  };
}
