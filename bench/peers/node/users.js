import { createPool } from "mysql2/promise";
import { DomainError } from "./errors.js";

const CONNECTIONS = 10;

/** @typedef {{ username: string, nickname: string, profilePath: string }} Profile */
/** @typedef {Profile & import("./passwords.js").StoredPassword} User */

/** The table of users in MySQL. */
export class Users {
  #pool;

  /** @param {string} databaseUrl */
  constructor(databaseUrl) {
    this.#pool = createPool({
      uri: databaseUrl,
      charset: "utf8mb4_bin",
      connectionLimit: CONNECTIONS,
      connectTimeout: 2_000,
    });
  }

  /**
   * @param {string} username
   * @returns {Promise<User | undefined>}
   */
  async find(username) {
    const rows = /** @type {(User & import("mysql2").RowDataPacket)[]} */ (
      await this.#execute(
        `SELECT username, nickname, profile_path AS profilePath, password, salt
         FROM user WHERE username = ?`,
        [username],
      )
    );
    return rows[0];
  }

  /**
   * @param {User} user
   * @returns {Promise<void>} rejects with UserExistedError where the name is taken
   */
  async insert({ username, nickname, password, salt, profilePath }) {
    await this.#execute(
      `INSERT INTO user (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?, ?, ?, ?, ?)`,
      [username, nickname, password, salt, profilePath],
    );
  }

  /**
   * @param {string} username
   * @param {string} nickname
   * @returns {Promise<boolean>} whether there is such a user
   */
  async setNickname(username, nickname) {
    const result = /** @type {import("mysql2").ResultSetHeader} */ (
      await this.#execute(
        "UPDATE user SET nickname = ?, gmt_modified = UTC_TIMESTAMP() WHERE username = ?",
        [nickname, username],
      )
    );
    return result.affectedRows > 0;
  }

  close() {
    return this.#pool.end();
  }

  /**
   * @param {string} sql
   * @param {string[]} values
   */
  async #execute(sql, values) {
    try {
      const [result] = await this.#pool.execute(sql, values);
      return result;
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "ER_DUP_ENTRY";
      throw new DomainError(isTaken ? "UserExistedError" : "DataBaseError", error);
    }
  }
}
