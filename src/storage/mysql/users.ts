import type DataLoader from "dataloader";
import type { ResultSetHeader } from "mysql2";
import type { Account, FoundUser, StoredPassword, User, UserStore } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { batch, LARGEST_BATCH } from "../batch.ts";
import { type ObserverOptions, observing } from "../observe.ts";
import { findAccount, searchAccounts } from "./accounts.ts";
import type { MysqlClient } from "./client.ts";
import { type CheckedRow, PRIMARY_CHECK } from "./connection.ts";
import { isDuplicateKey } from "./errors.ts";
import { sharedSecret } from "./secrets.ts";

/** The numbers of names in a look-up. They are few, so that few statements are prepared. */
const BATCH_SIZES = [1, 4, 16, 32, 48, 64, 96, LARGEST_BATCH];

const COLUMNS = `CAST(id AS CHAR) AS id, username, nickname, profile_path AS profilePath,
  password, salt, disabled_at AS disabledAt`;

/** It names a table, because a Galera node that was cut off answers everything else. */
const PING = `SELECT ${PRIMARY_CHECK} FROM (SELECT 1) AS one LEFT JOIN secret ON name = ''`;

/** If no user was found, there is one row, and its columns are null. */
interface UserRow extends CheckedRow, Omit<User, "username"> {
  readonly id: string;
  readonly username: User["username"] | null;
  readonly disabledAt: unknown;
}

type ShownRow = CheckedRow & { readonly profilePath: string | null };

/**
 * Users in MySQL or MariaDB. The collation utf8mb4_bin compares byte for byte, except that it
 * ignores spaces at the end. No username ends with a space.
 */
export class MysqlUsers implements UserStore {
  readonly database = "MySQL";
  readonly #client: MysqlClient;
  readonly #attempt: typeof attempt;
  readonly #lookups: DataLoader<string, FoundUser | undefined>;

  constructor(client: MysqlClient, { observe, batches }: ObserverOptions = {}) {
    this.#client = client;
    this.#attempt = observing("mysql", observe);
    this.#lookups = batch(
      (usernames) => this.#attempt("read user", () => this.#findAll(usernames)),
      batches,
    );
  }

  find(username: string): Promise<FoundUser | undefined> {
    return this.#lookups.load(username);
  }

  findAccount(username: string): Promise<Account | undefined> {
    return this.#attempt("read account", () => findAccount(this.#client, username));
  }

  search(prefix: string, after: string | undefined, limit: number): Promise<Account[]> {
    return this.#attempt("search accounts", () =>
      searchAccounts(this.#client, prefix, after, limit),
    );
  }

  insert(user: User): Promise<boolean> {
    return this.#attempt("insert user", async () => {
      try {
        await this.#client.execute<ResultSetHeader>(
          `INSERT INTO user
             (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
           VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?, ?, ?, ?, ?)`,
          [user.username, user.nickname, user.password, user.salt, user.profilePath],
        );
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    });
  }

  setNickname(username: string, nickname: string, id?: string): Promise<boolean> {
    return this.#attempt("update nickname", () =>
      this.#update("nickname = ?", [nickname, username], id),
    );
  }

  setProfilePath(username: string, profilePath: string, id?: string): Promise<boolean> {
    return this.#attempt("update profile path", () =>
      this.#update("profile_path = ?", [profilePath, username], id),
    );
  }

  findShown(profilePaths: readonly string[]): Promise<string[]> {
    return this.#attempt("read profile paths", async () => {
      const shown: string[] = [];
      for (let from = 0; from < profilePaths.length; from += LARGEST_BATCH) {
        shown.push(...(await this.#findShown(profilePaths.slice(from, from + LARGEST_BATCH))));
      }
      return shown;
    });
  }

  replacePassword(username: string, from: StoredPassword, to: StoredPassword): Promise<boolean> {
    return this.#attempt("replace password", () =>
      this.#change(
        `UPDATE user SET password = ?, salt = ?, gmt_modified = UTC_TIMESTAMP()
         WHERE username = ? AND password = ? AND salt = ?`,
        [to.password, to.salt, username, from.password, from.salt],
      ),
    );
  }

  setPassword(username: string, { password, salt }: StoredPassword): Promise<boolean> {
    return this.#attempt("set password", () =>
      this.#update("password = ?, salt = ?", [password, salt, username]),
    );
  }

  setDisabled(username: string, isDisabled: boolean): Promise<boolean> {
    const disabledAt = isDisabled ? "COALESCE(disabled_at, UTC_TIMESTAMP())" : "NULL";
    return this.#attempt("disable or enable user", () =>
      this.#update(`disabled_at = ${disabledAt}`, [username]),
    );
  }

  delete(username: string, from?: StoredPassword): Promise<boolean> {
    return this.#attempt("delete user", () =>
      from === undefined
        ? this.#change("DELETE FROM user WHERE username = ?", [username])
        : this.#change("DELETE FROM user WHERE username = ? AND password = ? AND salt = ?", [
            username,
            from.password,
            from.salt,
          ]),
    );
  }

  secret(name: string, make: () => string): Promise<string> {
    return this.#attempt("read secret", () => sharedSecret(this.#client, name, make));
  }

  async ping(): Promise<void> {
    await this.#attempt("ping MySQL", () => this.#client.ping(PING));
  }

  close(): Promise<void> {
    return attempt("close user store", () => this.#client.close());
  }

  /** @param values of the assignment, and the username */
  #update(assignment: string, values: string[], id?: string): Promise<boolean> {
    const update = `UPDATE user SET ${assignment}, gmt_modified = UTC_TIMESTAMP()
      WHERE username = ?`;
    if (id === undefined) return this.#change(update, values);
    return this.#change(`${update} AND id = ?`, [...values, id]);
  }

  /** @returns whether there is such a row: mysql2 counts the rows found, even if unchanged */
  async #change(sql: string, values: string[]): Promise<boolean> {
    const { affectedRows } = await this.#client.execute<ResultSetHeader>(sql, values);
    return affectedRows > 0;
  }

  /** Find at most one row for each picture, since millions of users may show the same one. */
  async #findShown(profilePaths: readonly string[]): Promise<string[]> {
    const paths = [...profilePaths];
    const last = paths.at(-1) ?? "";
    while (paths.length < LARGEST_BATCH) paths.push(last);
    const one = "(SELECT profile_path FROM user WHERE profile_path = ? LIMIT 1)";
    // The join makes a row even if no picture is shown: that row carries the check of the primary.
    const rows = await this.#client.read<ShownRow>(
      `SELECT shown.profile_path AS profilePath, ${PRIMARY_CHECK} FROM (SELECT 1) AS one
       LEFT JOIN (${paths.map(() => one).join(" UNION ")}) AS shown ON TRUE`,
      paths,
    );
    return rows.flatMap(({ profilePath }) => profilePath ?? []);
  }

  async #findAll(usernames: readonly string[]): Promise<(FoundUser | undefined)[]> {
    const names = [...new Set(usernames)];
    const size = BATCH_SIZES.find((size) => size >= names.length) ?? LARGEST_BATCH;
    const last = names.at(-1) ?? "";
    while (names.length < size) names.push(last);

    // The join makes a row even if there is no user: that row carries the check of the primary.
    const rows = await this.#client.read<UserRow>(
      `SELECT ${COLUMNS}, ${PRIMARY_CHECK} FROM (SELECT 1) AS one
       LEFT JOIN user ON username IN (${names.map(() => "?").join(", ")})`,
      names,
    );
    const users = new Map<string, FoundUser>();
    for (const { id, username, nickname, profilePath, password, salt, disabledAt } of rows) {
      if (username === null) continue;
      const isDisabled = disabledAt !== null;
      users.set(username, { id, username, nickname, profilePath, password, salt, isDisabled });
    }
    return usernames.map((username) => users.get(username));
  }
}
