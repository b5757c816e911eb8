import type { Database, Statement } from "bun:sqlite";
import { attempt } from "./attempt.ts";
import {
  nextChunk,
  progressAfter,
  type Seed,
  type SeedProgress,
  sampleNames,
  type UserOf,
} from "./seed.ts";

/**
 * Users of one transaction: many for the one fsync that it costs, and so few that a server which
 * wants to write meanwhile is not kept waiting.
 */
export const SQLITE_CHUNK_USERS = 20_000;

const NOTHING_YET: SeedProgress = { next: 0, taken: 0 };

/** Fills the SQLite file, which a server may have open at the same time. */
export class SqliteSeed implements Seed {
  readonly database: string;
  readonly method = "prepared INSERT";
  readonly #file: Database;
  readonly #insert: Statement<unknown, string[]>;
  readonly #read: Statement<SeedProgress, []>;
  readonly #record: Statement<unknown, [next: number, taken: number]>;

  /** @param file becomes its own, to be closed with it */
  constructor(database: string, file: Database, nameOf: (n: number) => string) {
    this.database = database;
    this.#file = file;
    this.#file.run(`CREATE TABLE IF NOT EXISTS seed (
      id        INTEGER PRIMARY KEY CHECK (id = 1),
      next_user INTEGER NOT NULL,
      taken     INTEGER NOT NULL
    ) STRICT`);
    this.#insert = this.#file.prepare(
      `INSERT INTO user
         (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
       VALUES (datetime('now'), datetime('now'), ?, ?, ?, ?, ?)
       ON CONFLICT (username) DO NOTHING`,
    );
    this.#read = this.#file.prepare("SELECT next_user AS next, taken FROM seed");
    this.#record = this.#file.prepare(
      "INSERT OR REPLACE INTO seed (id, next_user, taken) VALUES (1, ?, ?)",
    );
    this.#beginAnewWhereEmptied(nameOf);
  }

  async progress(): Promise<SeedProgress> {
    return attempt("read progress", () => this.#read.get() ?? NOTHING_YET);
  }

  async advance(end: number, userOf: UserOf): Promise<SeedProgress> {
    const advance = this.#file.transaction(() => {
      const before = this.#read.get() ?? NOTHING_YET;
      const chunk = nextChunk(before, SQLITE_CHUNK_USERS, end);
      let inserted = 0;
      for (let n = chunk.from; n < chunk.to; n++) {
        const { username, nickname, password, salt, profilePath } = userOf(n);
        inserted += this.#insert.run(username, nickname, password, salt, profilePath).changes;
      }
      const after = progressAfter(before, chunk, inserted);
      this.#record.run(after.next, after.taken);
      return after;
    });
    return attempt("insert users", () => advance.immediate());
  }

  async close(): Promise<void> {
    await attempt("close", () => this.#file.close(true));
  }

  #beginAnewWhereEmptied(nameOf: (n: number) => string): void {
    const find = this.#file.prepare<unknown, [string]>("SELECT 1 FROM user WHERE username = ?");
    const names = sampleNames(this.#read.get() ?? NOTHING_YET, nameOf);
    if (!names.every((name) => find.get(name))) this.#record.run(0, 0);
    find.finalize();
  }
}
