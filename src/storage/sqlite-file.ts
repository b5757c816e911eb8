import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { migrateSqlite } from "./migrations.ts";

/** A statement holds up the event loop while another process writes, so not for long. */
const BUSY_TIMEOUT_MS = 2_000;

/** Open, or create, the one SQLite file in `dataDir`, up to date and safe against power loss. */
export function openSqliteFile(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "portico.sqlite");
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
