import type { Database } from "bun:sqlite";
import {
  type AppliedMigration,
  type Migration,
  type MigrationState,
  pendingOf,
  statesOf,
} from "../migration.ts";

const SQLITE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "create user",
    sql: `CREATE TABLE user (
      id           INTEGER PRIMARY KEY AUTOINCREMENT,
      gmt_create   TEXT NOT NULL,
      gmt_modified TEXT NOT NULL,
      username     TEXT NOT NULL UNIQUE COLLATE BINARY,
      nickname     TEXT NOT NULL,
      password     TEXT NOT NULL,
      salt         TEXT NOT NULL,
      profile_path TEXT NOT NULL
    ) STRICT`,
  },
  {
    version: 2,
    name: "create session",
    sql: `CREATE TABLE session (
      id         TEXT PRIMARY KEY,
      username   TEXT NOT NULL,
      expires_at INTEGER NOT NULL -- milliseconds since 1970
    ) STRICT, WITHOUT ROWID`,
  },
  {
    version: 3,
    name: "index session by expiry",
    sql: "CREATE INDEX ix_session_expires_at ON session (expires_at)",
  },
  {
    version: 4,
    name: "index user by picture",
    sql: "CREATE INDEX ix_user_profile_path ON user (profile_path)",
  },
  {
    version: 5,
    name: "add disabled_at to user",
    sql: "ALTER TABLE user ADD COLUMN disabled_at TEXT",
  },
  {
    version: 6,
    name: "create secret",
    sql: `CREATE TABLE secret (
      name       TEXT PRIMARY KEY,
      value      TEXT NOT NULL,
      gmt_create TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    version: 7,
    name: "list sessions of a user",
    // A session from before is shown as if it had the default time to live.
    sql: `
      ALTER TABLE session ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0; -- as expires_at
      ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
      ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
      UPDATE session SET created_at = max(0, expires_at - 1800000);
      CREATE INDEX ix_session_username ON session (username, created_at)`,
  },
];

/**
 * Apply the pending migrations in one transaction. BEGIN IMMEDIATE is the lock: other processes
 * wait, and a process that is killed leaves nothing behind.
 */
export function migrateSqlite(database: Database): void {
  // If no migration is pending, take no lock, so as not to wait for a writer.
  if (sqliteMigrationStates(database).every(({ appliedAt }) => appliedAt !== undefined)) return;
  const migrateAll = database.transaction(() => {
    database.run(`CREATE TABLE IF NOT EXISTS migration (
      version    INTEGER PRIMARY KEY,
      name       TEXT NOT NULL,
      gmt_create TEXT NOT NULL
    ) STRICT`);
    for (const { version, name, sql } of pendingOf(SQLITE_MIGRATIONS, readApplied(database))) {
      database.run(sql);
      database.run(
        "INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, datetime('now'))",
        [version, name],
      );
    }
  });
  migrateAll.immediate();
}

/** @param database undefined if there is no file yet */
export function sqliteMigrationStates(database: Database | undefined): MigrationState[] {
  const isRecorded = database
    ?.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration'")
    .get();
  return statesOf(SQLITE_MIGRATIONS, database && isRecorded ? readApplied(database) : []);
}

function readApplied(database: Database): AppliedMigration[] {
  return database
    .query<AppliedMigration, []>("SELECT version, name, gmt_create AS appliedAt FROM migration")
    .all();
}
