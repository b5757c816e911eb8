import type { QueryResult } from "mysql2";
import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";

/** For what does not touch the users, and waits for a table's lock at most. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Reading or altering a table of many millions of rows takes minutes. */
export const TABLE_TIMEOUT_MS = 30 * 60_000;

/** Every statement has a limit of its own, so that a MySQL that freezes is soon found out. */
export async function query<T extends QueryResult>(
  connection: Connection,
  sql: string,
  values: readonly (string | number | readonly string[])[] = [],
  timeoutMs = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const [result] = await withTimeout(timeoutMs, connection.query<T>(sql, [...values]));
  return result;
}
