import type { Database, Statement } from "bun:sqlite";
import { attempt } from "../attempt.ts";
import type { ClassicRow, ClassicRows, WrappedRow } from "../classic-rows.ts";
import { type BusyOptions, retryWhileBusy } from "./file.ts";

const IS_CLASSIC = "length(password) = 32 AND password NOT GLOB '*[^0-9A-Fa-f]*'";

type Replaced = [password: string, id: number, from: string, salt: string];

/** The rows of the classic scheme in the SQLite file, which a server may have open. */
export class SqliteClassicRows implements ClassicRows {
  readonly database: string;
  readonly #file: Database;
  readonly #busy: BusyOptions;
  readonly #count: Statement<{ found: number }, []>;
  readonly #after: Statement<ClassicRow, [id: number, limit: number]>;
  readonly #replace: Statement<unknown, Replaced>;

  /** @param file is owned and closed by this */
  constructor(database: string, file: Database, busy: BusyOptions) {
    this.database = database;
    this.#file = file;
    this.#busy = busy;
    this.#count = file.prepare(`SELECT COUNT(*) AS found FROM user WHERE ${IS_CLASSIC}`);
    this.#after = file.prepare(
      `SELECT id, password, salt FROM user WHERE id > ? AND ${IS_CLASSIC} ORDER BY id LIMIT ?`,
    );
    this.#replace = file.prepare(
      "UPDATE user SET password = ? WHERE id = ? AND password = ? AND salt = ?",
    );
  }

  count(): Promise<number> {
    return attempt("count classic passwords", () => this.#count.get()?.found ?? 0);
  }

  after(id: number, limit: number): Promise<ClassicRow[]> {
    return attempt("read classic passwords", () => this.#after.all(id, limit));
  }

  replace(rows: readonly WrappedRow[]): Promise<number> {
    const replaceAll = this.#file.transaction(() => {
      const changes = rows.map(
        ({ row, password }) => this.#replace.run(password, row.id, row.password, row.salt).changes,
      );
      return changes.reduce((sum, each) => sum + each, 0);
    });
    return attempt("replace classic passwords", () =>
      retryWhileBusy(() => replaceAll.immediate(), this.#busy),
    );
  }

  async close(): Promise<void> {
    await attempt("close", () => this.#file.close(true));
  }
}
