import type { Database, Statement } from "bun:sqlite";
import type { Account } from "../../user/stores.ts";
import { type AccountRow, accountOf } from "../account.ts";

const COLUMNS = `username, nickname, profile_path AS profilePath, gmt_create AS createdAt,
  gmt_modified AS modifiedAt, disabled_at AS disabledAt`;

/** Reads accounts with their times, for administrators and for the users themselves. */
export class SqliteAccounts {
  readonly #find: Statement<AccountRow, [username: string]>;
  readonly #search: Statement<AccountRow, [string, string | null, number]>;

  constructor(database: Database) {
    this.#find = database.prepare(`SELECT ${COLUMNS} FROM user WHERE username = ?`);
    // The byte FF is larger than any byte of UTF-8, so these are exactly the names with the prefix.
    // Unlike LIKE and GLOB, a comparison has no wildcards, and it uses the index.
    this.#search = database.prepare(
      `SELECT ${COLUMNS} FROM user
       WHERE username >= ?1 AND username < ?1 || x'FF' AND (?2 IS NULL OR username > ?2)
       ORDER BY username LIMIT ?3`,
    );
  }

  find(username: string): Account | undefined {
    const row = this.#find.get(username);
    return row === null ? undefined : accountOf(row);
  }

  /** See `UserStore.search`. */
  search(prefix: string, after: string | undefined, limit: number): Account[] {
    return this.#search.all(prefix, after ?? null, limit).map(accountOf);
  }
}
