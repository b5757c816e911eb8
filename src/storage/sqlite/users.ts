import type { Changes, Database, Statement } from "bun:sqlite";
import type { Account, FoundUser, StoredPassword, User, UserStore } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { type ObserveOperation, observing } from "../observe.ts";
import { SqliteAccounts } from "./accounts.ts";
import { throwIfUnwritable, write } from "./file.ts";
import { throwIfMoved } from "./freeze.ts";
import { SqliteSecrets } from "./secrets.ts";

interface UserRow extends User {
  readonly id: string;
  readonly isDisabled: 0 | 1;
}

/** Null: any row. */
type Id = string | null;

/** Users in SQLite. Each call is one prepared statement. Readers never wait. */
export class SqliteUsers implements UserStore {
  readonly database = "SQLite";
  readonly #database: Database;
  readonly #attempt: typeof attempt;
  readonly #ping: Statement<unknown, []>;
  readonly #accounts: SqliteAccounts;
  readonly #secrets: SqliteSecrets;
  readonly #find: Statement<UserRow, [username: string]>;
  readonly #insert: Statement<unknown, string[]>;
  readonly #setNickname: Statement<unknown, [nickname: string, username: string, Id]>;
  readonly #setProfilePath: Statement<unknown, [profilePath: string, username: string, Id]>;
  readonly #findShown: Statement<unknown, [profilePath: string]>;
  readonly #replacePassword: Statement<unknown, string[]>;
  readonly #setPassword: Statement<unknown, string[]>;
  readonly #disable: Statement<unknown, [username: string]>;
  readonly #enable: Statement<unknown, [username: string]>;
  readonly #delete: Statement<unknown, [username: string]>;
  readonly #deleteIf: Statement<unknown, string[]>;

  /** @param database is owned and closed by the store */
  constructor(database: Database, observe?: ObserveOperation) {
    this.#database = database;
    this.#attempt = observing("sqlite", observe);
    this.#accounts = new SqliteAccounts(database);
    this.#secrets = new SqliteSecrets(database);
    // Read a table: a SELECT without one does not touch the file.
    this.#ping = database.prepare("SELECT 1 FROM user LIMIT 1");
    this.#find = database.prepare(
      `SELECT CAST(id AS TEXT) AS id, username, nickname, profile_path AS profilePath,
         password, salt, disabled_at IS NOT NULL AS isDisabled
       FROM user WHERE username = ?`,
    );
    this.#insert = database.prepare(
      `INSERT INTO user
         (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES (datetime('now'), datetime('now'), ?, ?, ?, ?, ?)
       ON CONFLICT (username) DO NOTHING`,
    );
    this.#setNickname = database.prepare(
      `UPDATE user SET nickname = ?, gmt_modified = datetime('now')
       WHERE username = ? AND id = ifnull(?, id)`,
    );
    this.#setProfilePath = database.prepare(
      `UPDATE user SET profile_path = ?, gmt_modified = datetime('now')
       WHERE username = ? AND id = ifnull(?, id)`,
    );
    this.#findShown = database.prepare("SELECT 1 FROM user WHERE profile_path = ? LIMIT 1");
    this.#replacePassword = database.prepare(
      `UPDATE user SET password = ?, salt = ?, gmt_modified = datetime('now')
       WHERE username = ? AND password = ? AND salt = ?`,
    );
    this.#setPassword = database.prepare(
      "UPDATE user SET password = ?, salt = ?, gmt_modified = datetime('now') WHERE username = ?",
    );
    this.#disable = database.prepare(
      `UPDATE user SET disabled_at = COALESCE(disabled_at, datetime('now')),
         gmt_modified = datetime('now') WHERE username = ?`,
    );
    this.#enable = database.prepare(
      "UPDATE user SET disabled_at = NULL, gmt_modified = datetime('now') WHERE username = ?",
    );
    this.#delete = database.prepare("DELETE FROM user WHERE username = ?");
    this.#deleteIf = database.prepare(
      "DELETE FROM user WHERE username = ? AND password = ? AND salt = ?",
    );
  }

  find(username: string): Promise<FoundUser | undefined> {
    return this.#attempt("read user", () => {
      const row = this.#find.get(username);
      return row === null ? undefined : { ...row, isDisabled: row.isDisabled === 1 };
    });
  }

  findAccount(username: string): Promise<Account | undefined> {
    return this.#attempt("read account", () => this.#accounts.find(username));
  }

  search(prefix: string, after: string | undefined, limit: number): Promise<Account[]> {
    return this.#attempt("search accounts", () => this.#accounts.search(prefix, after, limit));
  }

  insert(user: User): Promise<boolean> {
    const { username, nickname, password, salt, profilePath } = user;
    const insert = () => this.#insert.run(username, nickname, password, salt, profilePath);
    return this.#change("insert user", insert);
  }

  setNickname(username: string, nickname: string, id: Id = null): Promise<boolean> {
    return this.#change("update nickname", () => this.#setNickname.run(nickname, username, id));
  }

  setProfilePath(username: string, profilePath: string, id: Id = null): Promise<boolean> {
    const set = () => this.#setProfilePath.run(profilePath, username, id);
    return this.#change("update profile path", set);
  }

  findShown(profilePaths: readonly string[]): Promise<string[]> {
    return this.#attempt("read profile paths", () =>
      profilePaths.filter((path) => this.#findShown.get(path) !== null),
    );
  }

  replacePassword(username: string, from: StoredPassword, to: StoredPassword): Promise<boolean> {
    return this.#change("replace password", () =>
      this.#replacePassword.run(to.password, to.salt, username, from.password, from.salt),
    );
  }

  setPassword(username: string, { password, salt }: StoredPassword): Promise<boolean> {
    return this.#change("set password", () => this.#setPassword.run(password, salt, username));
  }

  setDisabled(username: string, isDisabled: boolean): Promise<boolean> {
    const statement = isDisabled ? this.#disable : this.#enable;
    return this.#change("disable or enable user", () => statement.run(username));
  }

  delete(username: string, from?: StoredPassword): Promise<boolean> {
    return this.#change("delete user", () =>
      from === undefined
        ? this.#delete.run(username)
        : this.#deleteIf.run(username, from.password, from.salt),
    );
  }

  secret(name: string, make: () => string): Promise<string> {
    return this.#attempt("read secret", () => this.#secrets.get(name, make));
  }

  async ping(): Promise<void> {
    await this.#attempt("ping SQLite", () => {
      this.#ping.get();
      throwIfMoved(this.#database, "users");
      return throwIfUnwritable(this.#database);
    });
  }

  close(): Promise<void> {
    return attempt("close user store", () => this.#database.close(true));
  }

  /** @returns whether a row was changed, even if to the same values */
  #change(action: string, run: () => Changes): Promise<boolean> {
    return this.#attempt(action, async () => (await write(run)).changes > 0);
  }
}
