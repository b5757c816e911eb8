import type { Database, Statement } from "bun:sqlite";
import { attempt } from "../attempt.ts";
import {
  nextChunk,
  progressAfter,
  type Seed,
  type SeedProgress,
  sampleNames,
  type UserOf,
} from "../seed.ts";
import { type BusyOptions, retryWhileBusy } from "./file.ts";

/**
 * Users of one transaction: many, because each costs an fsync, but few enough that a server can
 * write soon. On a busy machine, `CHUNK_MS` ends the transaction earlier.
 */
export const SQLITE_CHUNK_USERS = 20_000;
const CHUNK_MS = 250;
/** How many rows are inserted before the clock is read again. */
const ROWS_PER_LOOK = 1_000;
/** Pause between two transactions, so that another process can get the lock. */
const GAP_MS = 10;

const NOTHING_YET: SeedProgress = { next: 0, taken: 0 };

const TABLE = `CREATE TABLE IF NOT EXISTS seed (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  next_user INTEGER NOT NULL,
  taken     INTEGER NOT NULL
) STRICT`;

export interface SqliteSeedOptions extends BusyOptions {
  readonly nameOf: (n: number) => string;
}

/** Inserts users into the SQLite file, which a server may have open at the same time. */
export class SqliteSeed implements Seed {
  readonly database: string;
  readonly method = "prepared INSERT";
  readonly #file: Database;
  readonly #busy: BusyOptions;
  readonly #insert: Statement<unknown, string[]>;
  readonly #read: Statement<SeedProgress, []>;
  readonly #record: Statement<unknown, [next: number, taken: number]>;

  private constructor(database: string, file: Database, busy: BusyOptions) {
    this.database = database;
    this.#file = file;
    this.#busy = busy;
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
  }

  /** @param file is owned and closed by the seed */
  static async open(database: string, file: Database, { nameOf, ...busy }: SqliteSeedOptions) {
    await retryWhileBusy(() => file.run(TABLE), busy);
    const seed = new SqliteSeed(database, file, busy);
    const resetIfEmptied = file.transaction(() => seed.#resetIfEmptied(nameOf));
    await retryWhileBusy(() => resetIfEmptied.immediate(), busy);
    return seed;
  }

  async progress(): Promise<SeedProgress> {
    return attempt("read progress", () => this.#read.get() ?? NOTHING_YET);
  }

  async advance(end: number, userOf: UserOf): Promise<SeedProgress> {
    const advance = this.#file.transaction(() => this.#insertChunk(end, userOf));
    const reached = await attempt("insert users", () =>
      retryWhileBusy(() => advance.immediate(), this.#busy),
    );
    await Bun.sleep(GAP_MS);
    return reached;
  }

  #insertChunk(end: number, userOf: UserOf): SeedProgress {
    const before = this.#read.get() ?? NOTHING_YET;
    const { from, to } = nextChunk(before, SQLITE_CHUNK_USERS, end);
    const endsAtMs = performance.now() + CHUNK_MS;
    let inserted = 0;
    let n = from;
    for (; n < to; n++) {
      if (n > from && n % ROWS_PER_LOOK === 0 && performance.now() > endsAtMs) break;
      const { username, nickname, password, salt, profilePath } = userOf(n);
      inserted += this.#insert.run(username, nickname, password, salt, profilePath).changes;
    }
    const after = progressAfter(before, { from, to: n }, inserted);
    this.#record.run(after.next, after.taken);
    return after;
  }

  async close(): Promise<void> {
    await attempt("close", () => this.#file.close(true));
  }

  #resetIfEmptied(nameOf: (n: number) => string): void {
    const find = this.#file.prepare<unknown, [string]>("SELECT 1 FROM user WHERE username = ?");
    const names = sampleNames(this.#read.get() ?? NOTHING_YET, nameOf);
    if (!names.every((name) => find.get(name))) this.#record.run(0, 0);
    find.finalize();
  }
}
