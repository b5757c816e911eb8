import { Database } from "bun:sqlite";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { errorField } from "./attempt.ts";
import { migrateSqlite, sqliteMigrationStates } from "./migrate-sqlite.ts";
import type { MigrationState } from "./migration.ts";

/** A statement holds up the event loop while another process writes, so not for long. */
const BUSY_TIMEOUT_MS = 2_000;
/** For a process that may wait: the time that others take to create the file, many times over. */
const TURN_ATTEMPTS = 200;
const TURN_RETRY_MS = 50;

/** Open, or create, the one SQLite file in `dataDir`, up to date and safe against power loss. */
export function openSqliteFile(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  // Password hashes and sessions are nobody else's to read. SQLite itself would create it as 0644.
  closeSync(openSync(path, "a", 0o600));
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

/** Do something with the file, again where it failed because another process is creating it. */
export async function inTurn<T>(work: () => T): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return work();
    } catch (error) {
      if (attempts === TURN_ATTEMPTS || !isBusy(error)) throw error;
    }
    await Bun.sleep(TURN_RETRY_MS);
  }
}

/** Another process is creating the file: switching to WAL does not wait for its lock. */
export function isBusy(cause: unknown): boolean {
  return errorField(cause, "code")?.startsWith("SQLITE_BUSY") ?? false;
}

function pathIn(dataDir: string): string {
  return join(dataDir, "portico.sqlite");
}
