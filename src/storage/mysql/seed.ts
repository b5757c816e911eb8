import { Readable } from "node:stream";
import type { ResultSetHeader, RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { User } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import {
  type Chunk,
  nextChunk,
  progressAfter,
  type Seed,
  type SeedProgress,
  sampleNames,
  type UserOf,
} from "../seed.ts";
import type { MysqlHosts } from "./hosts.ts";
import { transaction } from "./transaction.ts";

/**
 * Users of one transaction: so many that the round trips do not matter, even on a busy machine, and
 * few enough that the command stops within about a second.
 */
export const MYSQL_CHUNK_USERS = 100_000;
/** Below the max_allowed_packet of any server, and enough that a larger INSERT is no faster. */
const ROWS_OF_INSERT = 1_000;
const BUFFER_BYTES = 64 * 1024;

const LOAD_USERS = `LOAD DATA LOCAL INFILE 'users' IGNORE INTO TABLE user CHARACTER SET utf8mb4
  (username, nickname, password, salt, profile_path)
  SET gmt_create = UTC_TIMESTAMP(), gmt_modified = UTC_TIMESTAMP()`;

interface ProgressRow extends RowDataPacket {
  readonly next: string;
  readonly taken: string;
}
interface LocalInfileRow extends RowDataPacket {
  readonly allowed: string;
}
interface CountRow extends RowDataPacket {
  readonly found: string;
}

/** Inserts users into MySQL or MariaDB, in the fastest way that the server allows. */
export class MysqlSeed implements Seed {
  readonly database: string;
  readonly method: string;
  readonly #connection: Connection;
  readonly #insert: (chunk: Chunk, userOf: UserOf) => Promise<number>;

  private constructor(database: string, connection: Connection, allowsFiles: boolean) {
    this.database = database;
    this.#connection = connection;
    this.method = allowsFiles
      ? "LOAD DATA LOCAL INFILE"
      : "multi-row INSERT (the server's local_infile is off)";
    this.#insert = allowsFiles
      ? (chunk, userOf) => this.#load(chunk, userOf)
      : (chunk, userOf) => this.#insertRows(chunk, userOf);
  }

  static async open(
    database: string,
    hosts: MysqlHosts,
    nameOf: (n: number) => string,
  ): Promise<MysqlSeed> {
    // The server gets only the streamed lines, whichever file it requests.
    const driver = { flags: ["+LOCAL_FILES"] };
    const connection = await hosts.open({ driver });
    try {
      await createProgress(connection);
      const [[row]] = await connection.query<LocalInfileRow[]>(
        "SELECT @@GLOBAL.local_infile AS allowed",
      );
      const seed = new MysqlSeed(database, connection, Number(row?.allowed) === 1);
      await seed.#resetIfEmptied(nameOf);
      return seed;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  progress(): Promise<SeedProgress> {
    return attempt("read progress", () => this.#read(""));
  }

  advance(end: number, userOf: UserOf): Promise<SeedProgress> {
    return attempt("insert users", () =>
      transaction(this.#connection, () => this.#advance(end, userOf)),
    );
  }

  async #advance(end: number, userOf: UserOf): Promise<SeedProgress> {
    // Another process that seeds this database waits here until this chunk is committed.
    const before = await this.#read("FOR UPDATE");
    const chunk = nextChunk(before, MYSQL_CHUNK_USERS, end);
    const inserted = chunk.from < chunk.to ? await this.#insert(chunk, userOf) : 0;
    const after = progressAfter(before, chunk, inserted);
    await this.#record(after);
    return after;
  }

  async close(): Promise<void> {
    // The server rolls back an open transaction. Unlike end(), this does not wait for an answer.
    this.#connection.destroy();
  }

  async #read(lock: "" | "FOR UPDATE"): Promise<SeedProgress> {
    const [[row]] = await this.#connection.query<ProgressRow[]>(
      `SELECT next_user AS next, taken FROM seed WHERE id = 1 ${lock}`,
    );
    return { next: Number(row?.next), taken: Number(row?.taken) };
  }

  async #record({ next, taken }: SeedProgress): Promise<void> {
    await this.#connection.query("UPDATE seed SET next_user = ?, taken = ? WHERE id = 1", [
      next,
      taken,
    ]);
  }

  async #resetIfEmptied(nameOf: (n: number) => string): Promise<void> {
    const names = sampleNames(await this.#read(""), nameOf);
    if (names.length === 0) return;
    const [[row]] = await this.#connection.query<CountRow[]>(
      "SELECT COUNT(*) AS found FROM user WHERE username IN (?)",
      [names],
    );
    if (Number(row?.found) < names.length) await this.#record({ next: 0, taken: 0 });
  }

  /** @returns how many rows were inserted */
  async #load(chunk: Chunk, userOf: UserOf): Promise<number> {
    const [{ affectedRows }] = await this.#connection.query<ResultSetHeader>({
      sql: LOAD_USERS,
      infileStreamFactory: () => Readable.from(linesOf(chunk, userOf)),
    });
    return affectedRows;
  }

  /** @returns how many rows were inserted */
  async #insertRows({ from, to }: Chunk, userOf: UserOf): Promise<number> {
    let inserted = 0;
    for (let start = from; start < to; start += ROWS_OF_INSERT) {
      const length = Math.min(ROWS_OF_INSERT, to - start);
      const rows = Array.from({ length }, (_, index) => columnsOf(userOf(start + index)));
      const tuple = "(UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?)";
      const [{ affectedRows }] = await this.#connection.query<ResultSetHeader>(
        `INSERT IGNORE INTO user
           (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
         VALUES ${rows.map(() => tuple).join(", ")}`,
        rows,
      );
      inserted += affectedRows;
    }
    return inserted;
  }
}

/** Create the row with the progress. It must exist from the start, because #advance() locks it. */
async function createProgress(connection: Connection): Promise<void> {
  await connection.query(`CREATE TABLE IF NOT EXISTS seed (
    id        int    NOT NULL PRIMARY KEY,
    next_user bigint NOT NULL,
    taken     bigint NOT NULL
  ) ENGINE = InnoDB`);
  // Through two nodes of Galera at once, one of them is rolled back.
  await transaction(connection, () =>
    connection.query("INSERT IGNORE INTO seed (id, next_user, taken) VALUES (1, 0, 0)"),
  );
}

function columnsOf({ username, nickname, password, salt, profilePath }: User): string[] {
  return [username, nickname, password, salt, profilePath];
}

/** The lines for LOAD DATA. No column contains a tab, a line break or a backslash. */
function* linesOf({ from, to }: Chunk, userOf: UserOf): Generator<Buffer> {
  let lines = "";
  for (let n = from; n < to; n++) {
    const { username, nickname, password, salt, profilePath } = userOf(n);
    lines += `${username}\t${nickname}\t${password}\t${salt}\t${profilePath}\n`;
    if (lines.length < BUFFER_BYTES) continue;
    yield Buffer.from(lines);
    lines = "";
  }
  if (lines !== "") yield Buffer.from(lines);
}
