import type { RowDataPacket } from "mysql2";
import { type Connection, createConnection } from "mysql2/promise";
import { errorField, within } from "./attempt.ts";
import {
  type AppliedMigration,
  MigrationError,
  type MigrationEvents,
  type MigrationState,
  pendingOf,
  statesOf,
} from "./migration.ts";
import { mysqlOptions } from "./mysql-client.ts";
import { MYSQL_MIGRATIONS, type MysqlMigration } from "./mysql-migrations.ts";

/** How long one server waits for another that is migrating, before it says so and asks again. */
const LOCK_TIMEOUT_SECONDS = 10;
/** Every query of a table waits behind an ALTER that waits for it, so that gives way soon. */
const TABLE_LOCK_TIMEOUT_SECONDS = 3;
/** Altering a table of many millions of rows takes minutes. */
const MIGRATION_TIMEOUT_MS = 30 * 60_000;
/** How many rows that are in the way are named. */
const NAMED_OBSTACLES = 10;

interface LockRow extends RowDataPacket {
  readonly locked: number | string | null;
}
interface NeededRow extends RowDataPacket {
  readonly needed: number | string;
}
interface ObstacleRow extends RowDataPacket {
  readonly id: number | string;
}
type AppliedRow = AppliedMigration & RowDataPacket;

/**
 * Bring a MySQL database up to date. Servers that do so at once take turns (GET_LOCK).
 * @throws {MigrationError} its rows do not fit into the new tables
 */
export async function migrateMysql(databaseUrl: string, events: MigrationEvents): Promise<void> {
  await connected(databaseUrl, (connection) =>
    within(MIGRATION_TIMEOUT_MS, migrate(connection, events)),
  );
}

/** Which migrations a MySQL database has, and which it lacks. Changes nothing. */
export async function mysqlMigrationStates(databaseUrl: string): Promise<MigrationState[]> {
  return connected(databaseUrl, async (connection) => {
    try {
      return statesOf(MYSQL_MIGRATIONS, await readApplied(connection));
    } catch (error) {
      if (errorField(error, "code") !== "ER_NO_SUCH_TABLE") throw error;
      return statesOf(MYSQL_MIGRATIONS, []);
    }
  });
}

async function connected<T>(
  databaseUrl: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await createConnection({ ...mysqlOptions(databaseUrl), dateStrings: true });
  // The query that finds the connection broken reports it; without a listener, the event throws.
  connection.on("error", () => undefined);
  try {
    return await work(connection);
  } finally {
    // The lock belongs to the connection and ends with it.
    connection.destroy();
  }
}

async function migrate(connection: Connection, events: MigrationEvents): Promise<void> {
  await lock(connection, events);
  // Whatever the server's defaults are, a value that does not fit is an error.
  await connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");
  await connection.query("SET SESSION lock_wait_timeout = ?", [TABLE_LOCK_TIMEOUT_SECONDS]);
  await connection.query(`CREATE TABLE IF NOT EXISTS migration (
    version    int         NOT NULL PRIMARY KEY,
    name       varchar(64) NOT NULL,
    gmt_create datetime    NOT NULL
  ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  for (const migration of pendingOf(MYSQL_MIGRATIONS, await readApplied(connection))) {
    const { version, name } = migration;
    if (await isNeeded(connection, migration)) {
      events.applying(migration);
      while (!(await apply(connection, migration))) {
        events.waiting("a transaction or a backup holds its table");
      }
    }
    await connection.query(
      "INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())",
      [version, name],
    );
  }
}

async function lock(connection: Connection, events: MigrationEvents): Promise<void> {
  for (;;) {
    // The name of a lock is global to the server, and has at most 64 characters.
    const [[row]] = await connection.query<LockRow[]>(
      "SELECT GET_LOCK(LEFT(CONCAT('portico.', DATABASE()), 64), ?) AS locked",
      [LOCK_TIMEOUT_SECONDS],
    );
    if (Number(row?.locked) === 1) return;
    events.waiting("another server is migrating it");
  }
}

async function readApplied(connection: Connection): Promise<AppliedMigration[]> {
  const [rows] = await connection.query<AppliedRow[]>(
    "SELECT version, name, gmt_create AS appliedAt FROM migration",
  );
  return rows.map(({ version, name, appliedAt }) => ({ version, name, appliedAt }));
}

async function isNeeded(connection: Connection, { neededWhere }: MysqlMigration): Promise<boolean> {
  if (neededWhere === undefined) return true;
  const [[row]] = await connection.query<NeededRow[]>(neededWhere);
  return Number(row?.needed) > 0;
}

/** @returns false where somebody held the table: nothing has changed, and others had their turn */
async function apply(connection: Connection, migration: MysqlMigration): Promise<boolean> {
  const { obstacle, before, sql } = migration;
  if (obstacle) {
    const [rows] = await connection.query<ObstacleRow[]>(`${obstacle.sql} LIMIT ?`, [
      NAMED_OBSTACLES,
    ]);
    const ids = rows.map(({ id }) => id).join(", ");
    if (rows.length > 0) throw new MigrationError(migration, `${obstacle.why} (id ${ids})`);
  }
  try {
    if (before !== undefined) await connection.query(before);
    await connection.query(sql);
    return true;
  } catch (cause) {
    if (errorField(cause, "code") === "ER_LOCK_WAIT_TIMEOUT") return false;
    // SQLSTATE: class 22 is data that does not fit, 01 data that would be cut, 23 a key that is
    // there twice.
    if (!(cause instanceof Error) || !/^(01|2[23])/.test(errorField(cause, "sqlState") ?? "")) {
      throw cause;
    }
    throw new MigrationError(migration, cause.message, { cause });
  }
}
