import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";

const ARGON2ID = /^argon2id:m=(\d+),t=(\d+),p=(\d+)$/;

/** @typedef {{ password: string, salt: string }} StoredPassword */

/** More hashes in the thread pool would end after the caller's timeout. */
const MAX_HASHING = 256;

/** Too many passwords wait to be hashed: the client must try again later. */
export class TooBusy extends Error {}

/** Hashes with the scheme of PASSWORD_HASH, and verifies both schemes. */
export class Passwords {
  #hashing = 0;
  /** @type {{ memoryCost: number, timeCost: number, parallelism: number } | undefined} */
  #argon2;

  /** @param {string} scheme `salted-md5` or as in `argon2id:m=19456,t=2,p=1` */
  constructor(scheme) {
    if (scheme === "salted-md5") return;
    const cost = ARGON2ID.exec(scheme);
    if (!cost) throw new Error(`Cannot hash by "${scheme}"`);
    const [memoryCost = 0, timeCost = 0, parallelism = 0] = cost.slice(1).map(Number);
    this.#argon2 = { memoryCost, timeCost, parallelism };
  }

  /**
   * @param {string} password
   * @returns {Promise<StoredPassword>}
   */
  async hash(password) {
    if (this.#argon2) {
      const cost = this.#argon2;
      return { password: await this.#slowly(() => hash(password, cost)), salt: "" };
    }
    const salt = randomBytes(2).toString("hex");
    return { password: classicHash(password, salt), salt };
  }

  /**
   * @param {string} password
   * @param {StoredPassword} stored
   */
  async verify(password, stored) {
    if (stored.password.startsWith("$argon2id$")) {
      return this.#slowly(() => verify(stored.password, password));
    }
    const given = Buffer.from(classicHash(password, stored.salt));
    const right = Buffer.from(stored.password.toLowerCase());
    return given.length === right.length && timingSafeEqual(given, right);
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #slowly(work) {
    if (this.#hashing >= MAX_HASHING) throw new TooBusy("Cannot hash: too many are waiting");
    this.#hashing++;
    try {
      return await work();
    } finally {
      this.#hashing--;
    }
  }
}

/**
 * @param {string} password
 * @param {string} salt
 */
function classicHash(password, salt) {
  return md5(salt + md5(password) + salt);
}

/** @param {string} text */
function md5(text) {
  return createHash("md5").update(text).digest("hex");
}
