import type { ResultSetHeader, RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { attempt } from "../attempt.ts";
import type { ClassicRow, ClassicRows, WrappedRow } from "../classic-rows.ts";
import { query, TABLE_TIMEOUT_MS } from "./connection.ts";
import type { MysqlHosts } from "./hosts.ts";
import { transaction } from "./transaction.ts";

const IS_CLASSIC = "CHAR_LENGTH(password) = 32 AND password REGEXP '^[0-9A-Fa-f]+$'";

interface FoundRow extends RowDataPacket {
  readonly id: string;
  readonly password: string;
  readonly salt: string;
}
interface CountRow extends RowDataPacket {
  readonly found: string;
}

/** The rows of the classic scheme in MySQL or MariaDB. */
export class MysqlClassicRows implements ClassicRows {
  readonly database: string;
  readonly #connection: Connection;

  private constructor(database: string, connection: Connection) {
    this.database = database;
    this.#connection = connection;
  }

  static async open(database: string, hosts: MysqlHosts): Promise<MysqlClassicRows> {
    return new MysqlClassicRows(database, await hosts.open());
  }

  count(): Promise<number> {
    return attempt("count classic passwords", async () => {
      const sql = `SELECT COUNT(*) AS found FROM user WHERE ${IS_CLASSIC}`;
      const [row] = await query<CountRow[]>(this.#connection, sql, [], TABLE_TIMEOUT_MS);
      return Number(row?.found);
    });
  }

  after(id: number, limit: number): Promise<ClassicRow[]> {
    return attempt("read classic passwords", async () => {
      const sql = `SELECT id, password, salt FROM user
        WHERE id > ? AND ${IS_CLASSIC} ORDER BY id LIMIT ?`;
      const found = await query<FoundRow[]>(this.#connection, sql, [id, limit], TABLE_TIMEOUT_MS);
      return found.map(({ id, password, salt }) => ({ id: Number(id), password, salt }));
    });
  }

  replace(rows: readonly WrappedRow[]): Promise<number> {
    return attempt("replace classic passwords", () =>
      transaction(this.#connection, async () => {
        let replaced = 0;
        for (const { row, password } of rows) {
          const { affectedRows } = await query<ResultSetHeader>(
            this.#connection,
            "UPDATE user SET password = ? WHERE id = ? AND password = ? AND salt = ?",
            [password, row.id, row.password, row.salt],
          );
          replaced += affectedRows;
        }
        return replaced;
      }),
    );
  }

  async close(): Promise<void> {
    // The server rolls back an open transaction. Unlike end(), this does not wait for an answer.
    this.#connection.destroy();
  }
}
