import type { Database, Statement } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { StoredSession } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import type { Move, MovedSecret, MovedSessions, MovedUser, Places } from "../move.ts";
import { type BusyOptions, openSqliteFile, pathIn, retryWhileBusy } from "./file.ts";
import { forgetMove, freeze, readMove, recordFinish, recordMove, thaw } from "./freeze.ts";
import { lockFile } from "./lock.ts";

type SessionRow = StoredSession & { readonly username: string };

/** The SQLite file that an installation moves out of. One process at a time may open it so. */
export class SqliteMoveSource {
  /** Such as "SQLite in .data". */
  readonly name: string;
  readonly #file: Database;
  readonly #lock: Disposable;
  readonly #busy: BusyOptions;
  readonly #users: Statement<MovedUser, [after: string, limit: number]>;
  readonly #sessions: Statement<
    SessionRow,
    [after: string, nowMs: number, limit: number, nowMs: number]
  >;

  private constructor(name: string, file: Database, lock: Disposable, busy: BusyOptions) {
    this.name = name;
    this.#file = file;
    this.#lock = lock;
    this.#busy = busy;
    this.#users = file.prepare(
      `SELECT CAST(id AS TEXT) AS id, gmt_create AS createdAt, gmt_modified AS modifiedAt,
         username, nickname, password, salt, profile_path AS profilePath, disabled_at AS disabledAt
       FROM user WHERE user.id > CAST(? AS INTEGER) ORDER BY user.id LIMIT ?`,
    );
    // A session whose user is gone would belong to the next user of that name.
    this.#sessions = file.prepare(
      `SELECT username, id AS sessionId, created_at AS createdAtMs, expires_at AS expiresAtMs,
         device, address
       FROM session WHERE username IN (
           SELECT DISTINCT username FROM session AS each
           WHERE username > ? AND expires_at > ?
             AND EXISTS (SELECT 1 FROM user WHERE user.username = each.username)
           ORDER BY username LIMIT ?)
         AND expires_at > ? ORDER BY username, created_at`,
    );
  }

  static open(dataDir: string, busy: BusyOptions): Promise<SqliteMoveSource> {
    return attempt(`open SQLite in ${dataDir} (DATA_DIR)`, async () => {
      if (!existsSync(pathIn(dataDir))) throw new Error(`there is no ${pathIn(dataDir)}`);
      const lock = lockFile(join(dataDir, "graduate.lock"), "`bun run graduate`");
      try {
        const file = await retryWhileBusy(() => openSqliteFile(dataDir), busy);
        return new SqliteMoveSource(`SQLite in ${dataDir}`, file, lock, busy);
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
    });
  }

  get move(): Move | undefined {
    return readMove(this.#file);
  }

  /**
   * Record a move. If users or pictures move, no row of a user can be changed from now on. Sign-ins
   * and sign-outs go on.
   */
  begin(name: string, places: Places): Promise<void> {
    return this.#write("begin the move", () => {
      recordMove(this.#file, name, places);
      const to = places.users ?? places.pictures;
      if (to !== undefined)
        freeze(this.#file, "users", `the users move to ${to}: no user can be changed here`);
    });
  }

  /** From now on, no session begins or ends. */
  freezeSessions(to: string): Promise<void> {
    return this.#write("stop sign-ins", () =>
      freeze(this.#file, "sessions", `the sessions move to ${to}: none can begin or end here`),
    );
  }

  /** What has moved stays read-only. */
  finish({ users }: Places): Promise<void> {
    return this.#write("finish the move", () => {
      recordFinish(this.#file);
      if (users === undefined) thaw(this.#file, "users");
    });
  }

  /** Take writes again, as if there had been no move. */
  undo(): Promise<void> {
    return this.#write("undo the move", () => {
      thaw(this.#file, "users");
      thaw(this.#file, "sessions");
      forgetMove(this.#file);
    });
  }

  get userCount(): number {
    return this.#number("SELECT COUNT(*) AS n FROM user");
  }

  sessionCount(nowMs: number): number {
    return this.#number(`SELECT COUNT(*) AS n FROM session WHERE expires_at > ${nowMs}`);
  }

  /** The id of the next user. Ids are never used again, so it may be far above the highest. */
  get nextId(): string {
    const row = this.#file
      .query<{ next: string }, []>(
        "SELECT CAST(seq + 1 AS TEXT) AS next FROM sqlite_sequence WHERE name = 'user'",
      )
      .get();
    return row?.next ?? "1";
  }

  /** The next users by id. */
  users(after: string, limit: number): MovedUser[] {
    return this.#users.all(after, limit);
  }

  get secrets(): MovedSecret[] {
    return this.#file
      .query<MovedSecret, []>("SELECT name, value, gmt_create AS createdAt FROM secret")
      .all();
  }

  /** The names of all pictures that users have. */
  get pictures(): string[] {
    return this.#file
      .query<{ name: string }, []>("SELECT DISTINCT profile_path AS name FROM user")
      .all()
      .map(({ name }) => name);
  }

  /** The live sessions of the next users by name, at most `limit` users. */
  sessions(after: string, nowMs: number, limit: number): MovedSessions[] {
    const rows = this.#sessions.all(after, nowMs, limit, nowMs);
    const byUser = Map.groupBy(rows, ({ username }) => username);
    return [...byUser].map(([username, sessions]) => ({ username, sessions }));
  }

  close(): void {
    this.#file.close();
    this.#lock[Symbol.dispose]();
  }

  #write(action: string, work: () => void): Promise<void> {
    const writeAll = this.#file.transaction(work);
    return attempt(`${action} in ${this.name} (DATA_DIR)`, () =>
      retryWhileBusy(() => writeAll.immediate(), this.#busy),
    );
  }

  #number(sql: string): number {
    return this.#file.query<{ n: number }, []>(sql).get()?.n ?? 0;
  }
}
