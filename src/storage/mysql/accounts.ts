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

/** The length of the column, in characters. */
const LONGEST_USERNAME = 64;

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

/**
 * See `UserStore.search`. The collation utf8mb4_bin has the order of the bytes, but it pads names
 * with spaces: "ab" comes after "ab\t". No name that signs up has characters below the space.
 */
export async function searchAccounts(
  client: MysqlClient,
  prefix: string,
  after: string | undefined,
  limit: number,
): Promise<Account[]> {
  const rest = LONGEST_USERNAME - [...prefix].length;
  if (rest < 0) return [];
  const first = prefix + "\0".repeat(rest);
  const last = prefix + "\u{10ffff}".repeat(rest);
  const isAfter = after === undefined ? "" : "AND username > ?";
  // Not LIKE: on an index, MariaDB 10.11 does not find "A😀" with 'A%'. LOCATE is for a prefix that
  // ends with a space, which the comparisons ignore.
  // The join makes a row even if there is no user: that row carries the check of the primary.
  const rows = await client.read<FoundRow>(
    `SELECT page.*, ${PRIMARY_CHECK} FROM (SELECT 1) AS one
     LEFT JOIN (
       SELECT ${COLUMNS} FROM user
       WHERE username BETWEEN ? AND ? AND LOCATE(?, username) = 1 ${isAfter}
       ORDER BY username LIMIT ${Math.ceil(limit / PAGE_STEP) * PAGE_STEP}
     ) AS page ON TRUE
     ORDER BY page.username`,
    [first, last, prefix, ...(after === undefined ? [] : [after])],
  );
  return accountsOf(rows).slice(0, limit);
}

function accountsOf(rows: readonly FoundRow[]): Account[] {
  return rows.flatMap(({ username, ...row }) =>
    username === null ? [] : accountOf({ username, ...row }),
  );
}
