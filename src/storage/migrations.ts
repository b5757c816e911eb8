import type { Database } from "bun:sqlite";
import type { RowDataPacket } from "mysql2";
import { type Connection, createConnection } from "mysql2/promise";
import { within } from "./attempt.ts";
import { mysqlOptions } from "./mysql-client.ts";

interface Migration {
  /** Its place in the order, and its identity: never renumber, never edit one that was released. */
  readonly version: number;
  readonly name: string;
  /** One statement. MySQL cannot roll it back, so it must be safe to run again there. */
  readonly sql: string;
}

const MYSQL_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "create user",
    sql: `CREATE TABLE IF NOT EXISTS user (
      id           bigint       NOT NULL AUTO_INCREMENT,
      gmt_create   datetime     NOT NULL,
      gmt_modified datetime     NOT NULL,
      username     varchar(64)  NOT NULL,
      nickname     varchar(64)  NOT NULL,
      password     varchar(255) NOT NULL,
      salt         char(4)      NOT NULL,
      profile_path varchar(128) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY uk_username (username)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  },
];

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
];

/** How long one server waits for another that is migrating, before it reports and asks again. */
const LOCK_TIMEOUT_SECONDS = 10;
/** Altering a table of many millions of rows takes minutes. */
const MIGRATION_TIMEOUT_MS = 30 * 60_000;

interface LockRow extends RowDataPacket {
  readonly locked: number | null;
}
interface VersionRow extends RowDataPacket {
  readonly version: number;
}

/** Bring a MySQL database up to date. Servers that start at once take turns (GET_LOCK). */
export async function migrateMysql(databaseUrl: string): Promise<void> {
  const connection = await createConnection(mysqlOptions(databaseUrl));
  // The query that finds the connection broken reports it; without a listener, the event throws.
  connection.on("error", () => undefined);
  try {
    await within(MIGRATION_TIMEOUT_MS, migrate(connection));
  } finally {
    // The lock belongs to the connection and ends with it.
    connection.destroy();
  }
}

async function migrate(connection: Connection): Promise<void> {
  // The name of a lock is global to the server, and has at most 64 characters.
  const [[lock]] = await connection.query<LockRow[]>(
    "SELECT GET_LOCK(LEFT(CONCAT('portico.', DATABASE()), 64), ?) AS locked",
    [LOCK_TIMEOUT_SECONDS],
  );
  if (lock?.locked !== 1) throw new Error("another server is migrating it");

  await connection.query(`CREATE TABLE IF NOT EXISTS migration (
    version    int         NOT NULL PRIMARY KEY,
    name       varchar(64) NOT NULL,
    gmt_create datetime    NOT NULL
  ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  const [rows] = await connection.query<VersionRow[]>("SELECT version FROM migration");
  const done = new Set(rows.map((row) => row.version));
  for (const { version, name, sql } of MYSQL_MIGRATIONS) {
    if (done.has(version)) continue;
    await connection.query(sql);
    await connection.query(
      "INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())",
      [version, name],
    );
  }
}

/** Bring a SQLite file up to date, in one transaction. BEGIN IMMEDIATE makes others wait. */
export function migrateSqlite(database: Database): void {
  const migrateAll = database.transaction(() => {
    database.run(`CREATE TABLE IF NOT EXISTS migration (
      version    INTEGER PRIMARY KEY,
      name       TEXT NOT NULL,
      gmt_create TEXT NOT NULL
    ) STRICT`);
    const rows = database.query<{ version: number }, []>("SELECT version FROM migration").all();
    const done = new Set(rows.map((row) => row.version));
    for (const { version, name, sql } of SQLITE_MIGRATIONS) {
      if (done.has(version)) continue;
      database.run(sql);
      database.run(
        "INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, datetime('now'))",
        [version, name],
      );
    }
  });
  migrateAll.immediate();
}
