import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { v3 } from "uuid";
import { DomainError } from "./errors.js";

const TTL_SECONDS = 1800;

/** @typedef {import("./users.js").Profile} Profile */

/** Sessions and cached profiles in Redis. */
export class Sessions {
  #redis;

  /** @param {string} redisUrl */
  constructor(redisUrl) {
    this.#redis = new Redis(redisUrl, {
      enableAutoPipelining: true,
      maxRetriesPerRequest: 1,
      connectTimeout: 1_000,
    });
    // Without a listener ioredis prints each failure. The command reports it anyway.
    this.#redis.on("error", () => {});
  }

  /**
   * @param {Profile} profile
   * @returns {Promise<string>} the id of a new session
   */
  async open(profile) {
    const sessionId = v3(profile.username, randomUUID());
    await Promise.all([
      attempt(this.#redis.set(`session:${sessionId}`, profile.username, "EX", TTL_SECONDS)),
      this.cache(profile),
    ]);
    return sessionId;
  }

  /**
   * @param {string} sessionId
   * @returns {Promise<string>} the user's name; rejects with InvalidSessionError
   */
  async username(sessionId) {
    const username = await attempt(this.#redis.get(`session:${sessionId}`));
    if (username === null) throw new DomainError("InvalidSessionError");
    return username;
  }

  /** @param {string} sessionId */
  async close(sessionId) {
    const closed = await attempt(this.#redis.del(`session:${sessionId}`));
    if (closed === 0) throw new DomainError("InvalidSessionError");
  }

  /**
   * @param {string} username
   * @returns {Promise<Profile | undefined>}
   */
  async cached(username) {
    const [nickname, profilePath] = await attempt(
      this.#redis.hmget(`user:${username}`, "nickname", "profilePath"),
    );
    if (nickname == null || profilePath == null) return undefined;
    return { username, nickname, profilePath };
  }

  /** @param {Profile} profile */
  async cache({ username, nickname, profilePath }) {
    const key = `user:${username}`;
    // Both are sent in one pipeline, in this order.
    await Promise.all([
      attempt(this.#redis.hset(key, { username, nickname, profilePath })),
      attempt(this.#redis.expire(key, TTL_SECONDS)),
    ]);
  }

  /** @param {string} username */
  async drop(username) {
    await attempt(this.#redis.del(`user:${username}`));
  }

  quit() {
    return this.#redis.quit();
  }
}

/**
 * @template T
 * @param {Promise<T>} command
 * @returns {Promise<T>}
 */
async function attempt(command) {
  try {
    return await command;
  } catch (error) {
    throw new DomainError("DataBaseError", error);
  }
}
