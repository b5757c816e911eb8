import type { QueryResult, RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { errorField, within } from "./attempt.ts";
import {
  type AppliedMigration,
  MigrationError,
  type MigrationEvents,
  type MigrationState,
  pendingOf,
  statesOf,
} from "./migration.ts";
import { MYSQL_MIGRATIONS, type MysqlMigration, type MysqlObstacle } from "./mysql-migrations.ts";
import { openSession } from "./mysql-session.ts";

/** How long one server waits for another that is migrating, before it says so and asks again. */
const LOCK_TIMEOUT_SECONDS = 10;
/** Every query of a table waits behind an ALTER that waits for it, so that gives way soon. */
const LOCK_WAIT_SECONDS = 3;
/** For what does not touch the users, and waits for a table's lock at most. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** MySQL has waited for the lock when it answers. */
const LOCK_ANSWER_TIMEOUT_MS = LOCK_TIMEOUT_SECONDS * 1_000 + 5_000;
/** Reading or altering a table of many millions of rows takes minutes. */
const TABLE_TIMEOUT_MS = 30 * 60_000;
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
 * Bring a MySQL database up to date. Servers that do so at once take turns (GET_LOCK). Where
 * nothing is pending, no right is needed but to read the table `migration`.
 * @throws {MigrationError} its rows do not fit into the new tables
 */
export async function migrateMysql(databaseUrl: string, events: MigrationEvents): Promise<void> {
  await connected(databaseUrl, false, async (connection) => {
    if ((await readPending(connection)).length === 0) return;
    await lock(connection, events);
    // Who had the lock before may have left nothing to do.
    await migrate(connection, await readPending(connection), events);
  });
}

/** Which migrations a MySQL database has, and which it lacks. Changes nothing. */
export async function mysqlMigrationStates(databaseUrl: string): Promise<MigrationState[]> {
  return connected(databaseUrl, true, async (connection) =>
    statesOf(MYSQL_MIGRATIONS, await readApplied(connection)),
  );
}

async function connected<T>(
  databaseUrl: string,
  mayBeReadOnly: boolean,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await openSession(databaseUrl, {
    lockWaitSeconds: LOCK_WAIT_SECONDS,
    mayBeReadOnly,
    options: { dateStrings: true },
  });
  try {
    return await work(connection);
  } finally {
    // The lock belongs to the connection and ends with it.
    connection.destroy();
  }
}

/** Every statement has a limit of its own, so that a MySQL that freezes is soon found out. */
async function query<T extends QueryResult>(
  connection: Connection,
  sql: string,
  values: readonly (string | number)[] = [],
  timeoutMs = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const [result] = await within(timeoutMs, connection.query<T>(sql, [...values]));
  return result;
}

async function lock(connection: Connection, events: MigrationEvents): Promise<void> {
  for (;;) {
    // The name of a lock is global to the server, and has at most 64 characters.
    const [row] = await query<LockRow[]>(
      connection,
      "SELECT GET_LOCK(LEFT(CONCAT('portico.', DATABASE()), 64), ?) AS locked",
      [LOCK_TIMEOUT_SECONDS],
      LOCK_ANSWER_TIMEOUT_MS,
    );
    if (Number(row?.locked) === 1) return;
    events.waiting("another server is migrating it");
  }
}

async function readPending(connection: Connection): Promise<MysqlMigration[]> {
  return pendingOf(MYSQL_MIGRATIONS, await readApplied(connection));
}

async function readApplied(connection: Connection): Promise<AppliedMigration[]> {
  try {
    const rows = await query<AppliedRow[]>(
      connection,
      "SELECT version, name, gmt_create AS appliedAt FROM migration",
    );
    return rows.map(({ version, name, appliedAt }) => ({ version, name, appliedAt }));
  } catch (error) {
    if (errorField(error, "code") !== "ER_NO_SUCH_TABLE") throw error;
    return [];
  }
}

async function migrate(
  connection: Connection,
  pending: readonly MysqlMigration[],
  events: MigrationEvents,
): Promise<void> {
  if (pending.length === 0) return;
  await patiently(events, () => findObstacles(connection, pending));
  await patiently(events, () =>
    query(
      connection,
      `CREATE TABLE IF NOT EXISTS migration (
        version    int         NOT NULL PRIMARY KEY,
        name       varchar(64) NOT NULL,
        gmt_create datetime    NOT NULL
      ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    ),
  );
  for (const migration of pending) {
    if (await isNeeded(connection, migration)) {
      events.applying(migration);
      await patiently(events, () => apply(connection, migration));
    }
    await patiently(events, () =>
      query(
        connection,
        "INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())",
        [migration.version, migration.name],
      ),
    );
  }
}

/** Again, as often as somebody holds the table: nothing has changed, and others had their turn. */
async function patiently(events: MigrationEvents, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (errorField(error, "code") !== "ER_LOCK_WAIT_TIMEOUT") throw error;
      events.waiting("a transaction or a backup holds its table");
    }
  }
}

async function isNeeded(connection: Connection, { neededWhere }: MysqlMigration): Promise<boolean> {
  if (neededWhere === undefined) return true;
  const [row] = await query<NeededRow[]>(connection, neededWhere);
  return Number(row?.needed) > 0;
}

/** All that is in the way of any, while the table is as it was. */
async function findObstacles(
  connection: Connection,
  pending: readonly MysqlMigration[],
): Promise<void> {
  const absent = new Set<MysqlObstacle>();
  for (const migration of pending) {
    if (!(await isNeeded(connection, migration))) continue;
    for (const obstacle of migration.obstacles ?? []) {
      if (absent.has(obstacle)) continue;
      const rows = await query<ObstacleRow[]>(
        connection,
        `${obstacle.sql} LIMIT ?`,
        [NAMED_OBSTACLES],
        TABLE_TIMEOUT_MS,
      );
      const ids = rows.map(({ id }) => id).join(", ");
      if (rows.length > 0) throw new MigrationError(migration, `${obstacle.why} (id ${ids})`);
      absent.add(obstacle);
    }
  }
}

async function apply(connection: Connection, migration: MysqlMigration): Promise<void> {
  const { before, sql } = migration;
  try {
    if (before !== undefined) await query(connection, before, [], TABLE_TIMEOUT_MS);
    await query(connection, sql, [], TABLE_TIMEOUT_MS);
  } catch (cause) {
    // The original system may have gone on since obstacles were looked for. SQLSTATE: class 22 is
    // data that does not fit, 01 data that would be cut, 23 a key that is there twice.
    if (!(cause instanceof Error) || !/^(01|2[23])/.test(errorField(cause, "sqlState") ?? "")) {
      throw cause;
    }
    throw new MigrationError(migration, cause.message, { cause });
  }
}
