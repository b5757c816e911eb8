import type { Database, Statement } from "bun:sqlite";
import type { StoredPassword, User, UserStore } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { throwIfUnwritable, write } from "./file.ts";

/** Users in SQLite. Each call is one prepared statement. Readers never wait. */
export class SqliteUsers implements UserStore {
  readonly database = "SQLite";
  readonly #database: Database;
  readonly #ping: Statement<unknown, []>;
  readonly #find: Statement<User, [username: string]>;
  readonly #insert: Statement<unknown, string[]>;
  readonly #setNickname: Statement<unknown, [nickname: string, username: string]>;
  readonly #setProfilePath: Statement<unknown, [profilePath: string, username: string]>;
  readonly #findShown: Statement<unknown, [profilePath: string]>;
  readonly #replacePassword: Statement<unknown, string[]>;

  /** @param database is owned and closed by the store */
  constructor(database: Database) {
    this.#database = database;
    // Read a table: a SELECT without one does not touch the file.
    this.#ping = database.prepare("SELECT 1 FROM user LIMIT 1");
    this.#find = database.prepare(
      `SELECT username, nickname, profile_path AS profilePath, password, salt
       FROM user WHERE username = ?`,
    );
    this.#insert = database.prepare(
      `INSERT INTO user
         (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES (datetime('now'), datetime('now'), ?, ?, ?, ?, ?)
       ON CONFLICT (username) DO NOTHING`,
    );
    this.#setNickname = database.prepare(
      "UPDATE user SET nickname = ?, gmt_modified = datetime('now') WHERE username = ?",
    );
    this.#setProfilePath = database.prepare(
      "UPDATE user SET profile_path = ?, gmt_modified = datetime('now') WHERE username = ?",
    );
    this.#findShown = database.prepare("SELECT 1 FROM user WHERE profile_path = ? LIMIT 1");
    this.#replacePassword = database.prepare(
      `UPDATE user SET password = ?, salt = ?, gmt_modified = datetime('now')
       WHERE username = ? AND password = ? AND salt = ?`,
    );
  }

  find(username: string): Promise<User | undefined> {
    return attempt("read user", () => this.#find.get(username) ?? undefined);
  }

  insert(user: User): Promise<boolean> {
    const { username, nickname, password, salt, profilePath } = user;
    const insert = () => this.#insert.run(username, nickname, password, salt, profilePath);
    return attempt("insert user", async () => (await write(insert)).changes > 0);
  }

  setNickname(username: string, nickname: string): Promise<boolean> {
    const update = () => this.#setNickname.run(nickname, username);
    return attempt("update nickname", async () => (await write(update)).changes > 0);
  }

  setProfilePath(username: string, profilePath: string): Promise<boolean> {
    const update = () => this.#setProfilePath.run(profilePath, username);
    return attempt("update profile path", async () => (await write(update)).changes > 0);
  }

  findShown(profilePaths: readonly string[]): Promise<string[]> {
    return attempt("read profile paths", () =>
      profilePaths.filter((path) => this.#findShown.get(path) !== null),
    );
  }

  async replacePassword(username: string, from: StoredPassword, to: StoredPassword): Promise<void> {
    const { password, salt } = from;
    const update = () => this.#replacePassword.run(to.password, to.salt, username, password, salt);
    await attempt("replace password", () => write(update));
  }

  async ping(): Promise<void> {
    await attempt("ping SQLite", () => {
      this.#ping.get();
      return throwIfUnwritable(this.#database);
    });
  }

  close(): Promise<void> {
    return attempt("close user store", () => this.#database.close(true));
  }
}
