import type { RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { attempt, withTimeout } from "../attempt.ts";
import type { MovedSecret, MovedUser } from "../move.ts";
import type { MysqlHosts } from "./hosts.ts";
import { MARK_TABLE, type MarkRow, readMark } from "./move-mark.ts";
import { transaction } from "./transaction.ts";

/** Users of one transaction: little work is lost if the command is killed. */
const USERS_OF_TRANSACTION = 10_000;
/** Below the max_allowed_packet of any server, and enough that a larger INSERT is no faster. */
const ROWS_OF_INSERT = 1_000;
/** Far longer than 10,000 rows take. A server that is silent for longer has hung. */
const STATEMENT_TIMEOUT_MS = 60_000;

const INSERT = `INSERT INTO user (id, gmt_create, gmt_modified, username, nickname, password, salt,
  profile_path, disabled_at) VALUES ?`;
const SELECT = `SELECT CAST(id AS CHAR) AS id, CAST(gmt_create AS CHAR) AS createdAt,
    CAST(gmt_modified AS CHAR) AS modifiedAt, username, nickname, password, salt,
    profile_path AS profilePath, CAST(disabled_at AS CHAR) AS disabledAt
  FROM user`;

type UserRow = RowDataPacket & MovedUser;
type SecretRow = RowDataPacket & MovedSecret;
type Value = string | number | null;

interface NumberRow extends RowDataPacket {
  readonly n: string;
}

/** How far the copy of the users is. */
export interface Advance {
  /** The highest id in the target. */
  readonly lastId: string;
  /** How many users this step has inserted. */
  readonly inserted: number;
}

/** The migrated MySQL or MariaDB that an installation moves into. */
export class MysqlMoveTarget {
  /** Such as "MySQL at 10.0.0.5:3306/portico". */
  readonly name: string;
  readonly #connection: Connection;

  private constructor(name: string, connection: Connection) {
    this.name = name;
    this.#connection = connection;
  }

  /** @throws {StorageError} */
  static async open(name: string, hosts: MysqlHosts): Promise<MysqlMoveTarget> {
    const connection = await attempt(`open ${name} (DATABASE_URL)`, () => hosts.open());
    return new MysqlMoveTarget(name, connection);
  }

  /** What is in the database and does not belong to this move; undefined if there is nothing. */
  foreign(move: string | undefined): Promise<string | undefined> {
    return this.#attempt("check", async () => {
      const mark = await this.#mark();
      if (mark) return mark.name === move ? undefined : "another installation has moved there";
      for (const table of ["user", "secret"]) {
        const n = await this.#number(`SELECT COUNT(*) AS n FROM ${table}`);
        if (n > 0) return `its table ${table} has ${n} rows`;
      }
      return undefined;
    });
  }

  /** Mark an empty database as the target of this move. @throws {StorageError} it is not empty */
  claim(move: string): Promise<void> {
    return this.#attempt("claim", async () => {
      await this.#query(MARK_TABLE);
      await this.#query(
        "INSERT IGNORE INTO move (id, name, gmt_create) VALUES (1, ?, UTC_TIMESTAMP())",
        [move],
      );
      const mark = await this.#mark();
      if (mark?.name !== move) throw new Error("another move has begun there");
    });
  }

  /** How many users are there already. */
  get userCount(): Promise<number> {
    return this.#attempt("count users of", () => this.#number("SELECT COUNT(*) AS n FROM user"));
  }

  /**
   * Insert the next users. After an unknown outcome, call it again: it begins after the last user
   * that is there.
   * @param usersAfter the users whose ids are above this one, in order
   */
  advance(
    move: string,
    usersAfter: (id: string, limit: number) => readonly MovedUser[],
  ): Promise<Advance> {
    return this.#attempt("copy users to", () =>
      transaction(this.#connection, async () => {
        // A connection of a killed command may still insert. This waits for it.
        const mark = await this.#mark("FOR UPDATE");
        if (mark?.name !== move)
          throw new Error("the mark of the move is gone from its table move");
        const [last] = await this.#query<UserRow[]>(`${SELECT} ORDER BY user.id DESC LIMIT 1`);
        const users = usersAfter(last?.id ?? "0", USERS_OF_TRANSACTION);
        for (let at = 0; at < users.length; at += ROWS_OF_INSERT) {
          await this.#insert(users.slice(at, at + ROWS_OF_INSERT));
        }
        return { lastId: users.at(-1)?.id ?? last?.id ?? "0", inserted: users.length };
      }),
    );
  }

  /** The users with ids above `after`, up to `to`; without `to`, up to `limit` users. */
  users(after: string, to: string | undefined, limit: number): Promise<MovedUser[]> {
    const upTo = to === undefined ? "" : `AND user.id <= ${literal(to)}`;
    const most = to === undefined ? `LIMIT ${Math.trunc(limit)}` : "";
    return this.#attempt("read users of", () =>
      this.#query<UserRow[]>(
        `${SELECT} WHERE user.id > ${literal(after)} ${upTo} ORDER BY user.id ${most}`,
      ),
    );
  }

  get secrets(): Promise<MovedSecret[]> {
    return this.#attempt("read secrets of", () =>
      this.#query<SecretRow[]>(
        "SELECT name, value, CAST(gmt_create AS CHAR) AS createdAt FROM secret",
      ),
    );
  }

  /** Insert the secrets that are missing. */
  addSecrets(secrets: readonly MovedSecret[]): Promise<void> {
    return this.#attempt("copy secrets to", async () => {
      if (secrets.length === 0) return;
      const rows = secrets.map(({ name, value, createdAt }) => [name, value, createdAt]);
      await this.#query(
        `INSERT INTO secret (name, value, gmt_create) VALUES ?
         ON DUPLICATE KEY UPDATE name = secret.name`,
        [rows],
      );
    });
  }

  /** The next user gets at least this id. */
  setNextId(id: string): Promise<void> {
    return this.#attempt("set the next id of", async () => {
      // InnoDB never goes below the highest id of a row.
      await this.#query(`ALTER TABLE user AUTO_INCREMENT = ${literal(id)}`);
    });
  }

  /** From now on, servers start on this database. Has no effect a second time. */
  complete(move: string): Promise<void> {
    return this.#attempt("finish the move to", async () => {
      await this.#query(
        "UPDATE move SET gmt_finish = UTC_TIMESTAMP() WHERE name = ? AND gmt_finish IS NULL",
        [move],
      );
    });
  }

  close(): void {
    this.#connection.destroy();
  }

  async #mark(lock: "" | "FOR UPDATE" = ""): Promise<MarkRow | undefined> {
    return readMark((sql) => this.#query<MarkRow[]>(sql), lock);
  }

  async #insert(users: readonly MovedUser[]): Promise<void> {
    const rows = users.map((user) => [
      ...[user.id, user.createdAt, user.modifiedAt, user.username, user.nickname],
      ...[user.password, user.salt, user.profilePath, user.disabledAt],
    ]);
    try {
      await this.#query(INSERT, [rows]);
    } catch (error) {
      const [, row] = /at row (\d+)/.exec(error instanceof Error ? error.message : "") ?? [];
      const user = users[Number(row) - 1];
      if (!user || !(error instanceof Error)) throw error;
      throw new Error(`user "${user.username}" does not fit: ${error.message}`, { cause: error });
    }
  }

  async #number(sql: string): Promise<number> {
    const [row] = await this.#query<NumberRow[]>(sql);
    return Number(row?.n);
  }

  async #query<T extends RowDataPacket[]>(
    sql: string,
    values: readonly (Value | readonly (readonly Value[])[])[] = [],
  ): Promise<T> {
    const [rows] = await withTimeout(
      STATEMENT_TIMEOUT_MS,
      this.#connection.query<T>(sql, [...values]),
    );
    return rows;
  }

  #attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
    return attempt(`${action} ${this.name} (DATABASE_URL)`, work);
  }
}

/** A number of 64 bits as SQL: the driver would send a text, which MySQL compares as a double. */
function literal(id: string): string {
  if (!/^-?\d+$/.test(id)) throw new Error(`${id} is no id`);
  return id;
}
