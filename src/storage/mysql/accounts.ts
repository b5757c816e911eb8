import type { Account } from "../../user/stores.ts";
import { type AccountRow, accountOf } from "../account.ts";
import type { MysqlClient } from "./client.ts";
import { type CheckedRow, PRIMARY_CHECK } from "./connection.ts";

// Reads accounts with their times, for administrators and for the users themselves.

/** A text is the same in every time zone, and may be a time that does not exist. */
const COLUMNS = `username, nickname, profile_path AS profilePath,
  CAST(gmt_create AS CHAR) AS createdAt, CAST(gmt_modified AS CHAR) AS modifiedAt,
  CAST(disabled_at AS CHAR) AS disabledAt`;

/**
 * A page is read in steps of this many rows, so that few statements are prepared. A LIMIT is not
 * bound: the driver sends every number as a double, which MySQL 8.0.22 refuses there.
 */
const PAGE_STEP = 50;

/** If no user was found, there is one row, and its columns are null. */
interface FoundRow extends CheckedRow, Omit<AccountRow, "username"> {
  readonly username: string | null;
}

export async function findAccount(
  client: MysqlClient,
  username: string,
): Promise<Account | undefined> {
  const rows = await client.read<FoundRow>(
    `SELECT ${COLUMNS}, ${PRIMARY_CHECK} FROM (SELECT 1) AS one LEFT JOIN user ON username = ?`,
    [username],
  );
  return accountsOf(rows)[0];
}

/** See `UserStore.search`. The collation utf8mb4_bin has the order of the bytes. */
export async function searchAccounts(
  client: MysqlClient,
  prefix: string,
  after: string | undefined,
  limit: number,
): Promise<Account[]> {
  const pattern = `${prefix.replaceAll(/[|%_]/g, "|$&")}%`;
  const isAfter = after === undefined ? "" : "AND username > ?";
  // The join makes a row even if there is no user: that row carries the check of the primary.
  const rows = await client.read<FoundRow>(
    `SELECT page.*, ${PRIMARY_CHECK} FROM (SELECT 1) AS one
     LEFT JOIN (
       SELECT ${COLUMNS} FROM user WHERE username LIKE ? ESCAPE '|' ${isAfter}
       ORDER BY username LIMIT ${Math.ceil(limit / PAGE_STEP) * PAGE_STEP}
     ) AS page ON TRUE
     ORDER BY page.username`,
    after === undefined ? [pattern] : [pattern, after],
  );
  return accountsOf(rows).slice(0, limit);
}

function accountsOf(rows: readonly FoundRow[]): Account[] {
  return rows.flatMap(({ username, ...row }) =>
    username === null ? [] : accountOf({ username, ...row }),
  );
}
