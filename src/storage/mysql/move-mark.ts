import type { RowDataPacket } from "mysql2";
import { errorField } from "../attempt.ts";
import type { MysqlHosts } from "./hosts.ts";

// The mark of a move (`bun run graduate`) in the database that it fills.

export const MARK_TABLE = `CREATE TABLE IF NOT EXISTS move (
  id         int         NOT NULL PRIMARY KEY,
  name       varchar(64) NOT NULL,
  gmt_create datetime    NOT NULL,
  gmt_finish datetime    NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;

export interface MarkRow extends RowDataPacket {
  readonly name: string;
  readonly finishedAt: string | null;
}

/**
 * Throws while a move into this database is not finished: rows are missing, and a user who signs up
 * could take the id of one of them.
 */
export async function throwIfIncomplete(hosts: MysqlHosts): Promise<void> {
  const connection = await hosts.open();
  try {
    const mark = await readMark(async (sql) => (await connection.query<MarkRow[]>(sql))[0], "");
    if (!mark || mark.finishedAt !== null) return;
    throw new Error("a move into it has not finished: see `bun run graduate`");
  } finally {
    connection.destroy();
  }
}

/** The mark; undefined if no move has begun. */
export async function readMark(
  query: (sql: string) => Promise<MarkRow[]>,
  lock: "" | "FOR UPDATE",
): Promise<MarkRow | undefined> {
  try {
    const [row] = await query(
      `SELECT name, CAST(gmt_finish AS CHAR) AS finishedAt FROM move WHERE id = 1 ${lock}`,
    );
    return row;
  } catch (error) {
    if (errorField(error, "code") !== "ER_NO_SUCH_TABLE") throw error;
    return undefined;
  }
}
