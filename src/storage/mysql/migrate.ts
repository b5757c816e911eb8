import type { RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { errorField } from "../attempt.ts";
import {
  type AppliedMigration,
  MigrationError,
  type MigrationEvents,
  type MigrationState,
  pendingOf,
  statesOf,
} from "../migration.ts";
import { isPassing, isRolledBack, isUnsupported } from "./errors.ts";
import { MYSQL_MIGRATIONS, type MysqlMigration } from "./migrations.ts";
import { findObstacles, isNeeded, neededOf, tryOut } from "./obstacles.ts";
import { openSession } from "./session.ts";
import { query, TABLE_TIMEOUT_MS } from "./statement.ts";
import { engineOfUser, proveAccounts, proveForeignTable } from "./trial.ts";

/** How long one server waits for another that is migrating, before it says so and asks again. */
const LOCK_TIMEOUT_SECONDS = 10;
/** Every query of a table waits behind an ALTER that waits for it, so that gives way soon. */
const LOCK_WAIT_SECONDS = 3;
/** MySQL has waited for the lock when it answers. */
const LOCK_ANSWER_TIMEOUT_MS = LOCK_TIMEOUT_SECONDS * 1_000 + 5_000;

interface LockRow extends RowDataPacket {
  readonly locked: number | string | null;
}
type AppliedRow = AppliedMigration & RowDataPacket;

/**
 * Bring a MySQL database up to date, and prove that users can sign up there. Servers that do so at
 * once take turns, so that each migration is carried out once; if nothing is pending, they need no
 * turn. Nothing breaks if several migrate at once, as they do through two nodes of Galera.
 * @throws {MigrationError} its rows do not fit into the new tables
 * @throws {UnfitTableError} its table cannot take new users
 */
export async function migrateMysql(databaseUrl: string, events: MigrationEvents): Promise<void> {
  await connected(databaseUrl, false, async (connection) => {
    if ((await readPending(connection)).length > 0) {
      await takeTurn(connection, events);
      await migrateAll(connection, events);
    } else {
      await proveForeignTable(connection);
    }
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

/**
 * Wait for this server's turn. Each node of Galera has locks of its own, and some versions refuse
 * GET_LOCK: then there are no turns.
 */
async function takeTurn(connection: Connection, events: MigrationEvents): Promise<void> {
  for (;;) {
    const locked = await getLock(connection);
    if (locked === "refused" || Number(locked) === 1) return;
    if (locked === null) throw new Error("GET_LOCK failed: the server does not say why");
    events.waiting("another server is migrating it");
  }
}

async function getLock(connection: Connection): Promise<LockRow["locked"] | "refused"> {
  try {
    // The name of a lock is global to the server, and has at most 64 characters.
    const [row] = await query<LockRow[]>(
      connection,
      "SELECT GET_LOCK(LEFT(CONCAT('portico.', DATABASE()), 64), ?) AS locked",
      [LOCK_TIMEOUT_SECONDS],
      LOCK_ANSWER_TIMEOUT_MS,
    );
    return row?.locked ?? null;
  } catch (error) {
    if (isUnsupported(error)) return "refused";
    throw error;
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

/**
 * Through another node of Galera, another server may carry out the same migrations: what fails
 * because it is done already is looked at again.
 */
async function migrateAll(connection: Connection, events: MigrationEvents): Promise<void> {
  // The server whose turn it was may have left nothing to do.
  let pending = await readPending(connection);
  if (pending.length === 0) return;
  const isOriginal = (await engineOfUser(connection)) !== undefined;
  while (pending.length > 0) {
    const needed = await neededOf(connection, pending);
    try {
      await patiently(events, () => findObstacles(connection, needed));
      if (isOriginal) await patiently(events, () => tryOut(connection, needed));
      await migrate(connection, pending, events);
      break;
    } catch (error) {
      if (isPassing(error)) throw error;
      pending = await readPending(connection);
      const isAsBefore = (await neededOf(connection, pending)).length === needed.length;
      if (isAsBefore) throw error;
    }
  }
  if (isOriginal) await patiently(events, () => proveAccounts(connection));
}

async function migrate(
  connection: Connection,
  pending: readonly MysqlMigration[],
  events: MigrationEvents,
): Promise<void> {
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
    await patiently(events, () => record(connection, migration));
  }
}

/** Again, as often as somebody holds the table: nothing has changed, and others had their turn. */
async function patiently(events: MigrationEvents, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isRolledBack(error)) throw error;
      events.waiting("a transaction or a backup holds its table");
    }
  }
}

async function apply(connection: Connection, migration: MysqlMigration): Promise<void> {
  const { before, sql } = migration;
  try {
    if (before !== undefined) await query(connection, before, [], TABLE_TIMEOUT_MS);
    await query(connection, sql, [], TABLE_TIMEOUT_MS);
  } catch (cause) {
    if (isPassing(cause) || !(cause instanceof Error)) throw cause;
    // The original system may have gone on since obstacles were looked for.
    throw new MigrationError(migration, cause.message, { cause });
  }
}

/** Unless another server has recorded it. */
async function record(connection: Connection, { version, name }: MysqlMigration): Promise<void> {
  await query(
    connection,
    `INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())
     ON DUPLICATE KEY UPDATE version = version`,
    [version, name],
  );
}
