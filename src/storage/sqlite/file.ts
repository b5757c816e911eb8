import { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorField } from "../attempt.ts";
import type { MigrationState } from "../migration.ts";
import { migrateSqlite, sqliteMigrationStates } from "./migrate.ts";

/** A statement that waits holds up the event loop: one that may take longer comes in turn. */
const BUSY_TIMEOUT_MS = 5;
/**
 * For a command, which may wait: far longer than any other process writes in one go. Writers take
 * no turns, so a busy machine may leave one of several without the lock for seconds.
 */
const TURN_LIMIT_MS = 60_000;
const TURN_RETRY_MS = 10;
/** After this it says that it waits. */
const TURN_NOTICE_MS = 1_000;
/** A write of a call: it has a deadline, and goes before the commands. */
const CALL_TURN = { limitMs: 2_000, retryMs: 2 };

/** As much as a few pages take: less than a disk has that is not full. */
const PROBE = new Uint8Array(64 * 1024);

/** Open, or create, the one SQLite file in `dataDir`, up to date and safe against power loss. */
export function openSqliteFile(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  // Password hashes and sessions are nobody else's to read. SQLite itself would create it as 0644.
  // Only where it is missing: closing it drops all locks that this process has on the file, also
  // those of SQLite. Another program that closes it would then take itself for the last one, and
  // remove the `-wal` that we go on writing to.
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  const database = new Database(path);
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    migrateSqlite(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Which migrations the file in `dataDir` has, and which it lacks. Changes no data. */
export function sqliteFileStates(dataDir: string): MigrationState[] {
  if (!existsSync(pathIn(dataDir))) return sqliteMigrationStates(undefined);
  // Nobody reads a file in WAL mode without its `-wal` and `-shm`, and only who may write removes
  // them: the last one to close it, once what a killed process left in the `-wal` is in the file.
  const database = new Database(pathIn(dataDir), { readwrite: true, create: false });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return sqliteMigrationStates(database);
  } finally {
    database.close();
  }
}

export interface Turn {
  /** Called once, if it takes longer: says what for, and how long at most. */
  waiting?(why: string): void;
  readonly limitMs?: number;
  readonly retryMs?: number;
}

/** Write as a part of a call. */
export function write<T>(work: () => T): Promise<T> {
  return inTurn(work, CALL_TURN);
}

/**
 * Do something with the file, again if another process has it.
 * @throws what `work` throws; an Error that names the limit if it was busy for so long
 */
export async function inTurn<T>(work: () => T, turn: Turn = {}): Promise<T> {
  const { limitMs = TURN_LIMIT_MS, retryMs = TURN_RETRY_MS } = turn;
  const beganAtMs = performance.now();
  let isNoticed = false;
  for (;;) {
    try {
      return work();
    } catch (cause) {
      if (!isBusy(cause)) throw cause;
      const waitedMs = performance.now() - beganAtMs;
      const limit = `${limitMs / 1_000} s`;
      if (waitedMs >= limitMs) {
        throw new Error(`another process has been writing for ${limit}: try again`, { cause });
      }
      if (!isNoticed && waitedMs >= TURN_NOTICE_MS) {
        isNoticed = true;
        turn.waiting?.(`another process is writing; giving up after ${limit}`);
      }
    }
    await Bun.sleep(retryMs);
  }
}

/**
 * Throws where a write of a call would fail: the file is read-only, another process does not let go
 * of it, or its disk is full or read-only. Nothing is written to it.
 */
export async function throwIfUnwritable(database: Database): Promise<void> {
  await write(() => database.transaction(() => undefined).immediate());
  const path = join(dirname(database.filename), `probe-${randomUUID()}`);
  const file = openSync(path, "wx", 0o600);
  try {
    // From here on it has no name, so that nothing can be left of it.
    unlinkSync(path);
    writeFileSync(file, PROBE);
  } finally {
    closeSync(file);
  }
}

/** Another process is writing, or creating the file: switching to WAL waits for no lock. */
export function isBusy(cause: unknown): boolean {
  return errorField(cause, "code")?.startsWith("SQLITE_BUSY") ?? false;
}

/** Where the file is. */
export function pathIn(dataDir: string): string {
  return join(dataDir, "portico.sqlite");
}
