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
import { query, TABLE_TIMEOUT_MS } from "./connection.ts";
import { checkForeignTable, checkTable, dryRun, engineOfUser } from "./dry-run.ts";
import { isRolledBack, isTemporary, isUnsupported } from "./errors.ts";
import type { MysqlHosts } from "./hosts.ts";
import { MYSQL_MIGRATIONS, type MysqlMigration } from "./migrations.ts";
import { isNeeded, neededOf, throwIfObstacle } from "./obstacles.ts";

/**
 * A server waits this long for another one that is migrating, then reports that and tries again.
 */
const LOCK_TIMEOUT_SECONDS = 10;
/**
 * All queries of a table wait behind an ALTER that waits for its lock, so the ALTER gives up soon.
 */
const LOCK_WAIT_SECONDS = 3;
/** MySQL answers only after it has waited for the lock. */
const LOCK_ANSWER_TIMEOUT_MS = LOCK_TIMEOUT_SECONDS * 1_000 + 5_000;

interface LockRow extends RowDataPacket {
  readonly locked: number | string | null;
}
type AppliedRow = AppliedMigration & RowDataPacket;

/**
 * Apply the pending migrations, and check that users can sign up. Servers that migrate at the same
 * time take turns, so that each migration runs once. Without a pending migration, no turn is
 * needed. Nothing breaks if several servers migrate at once, as they do through two nodes of
 * Galera.
 * @throws {MigrationError} the rows do not fit into the new table
 * @throws {UnfitTableError} the table cannot take new users
 */
export async function migrateMysql(hosts: MysqlHosts, events: MigrationEvents): Promise<void> {
  await connected(hosts, false, async (connection) => {
    if ((await readPending(connection)).length > 0) {
      await takeTurn(connection, events);
      await migrateAll(connection, events);
    } else {
      await checkForeignTable(connection);
    }
  });
}

/** The applied and the pending migrations of a database. Changes nothing. */
export async function mysqlMigrationStates(hosts: MysqlHosts): Promise<MigrationState[]> {
  return connected(hosts, true, async (connection) =>
    statesOf(MYSQL_MIGRATIONS, await readApplied(connection)),
  );
}

async function connected<T>(
  hosts: MysqlHosts,
  mayBeReadOnly: boolean,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await hosts.open({
    lockWaitSeconds: LOCK_WAIT_SECONDS,
    mayBeReadOnly,
    driver: { dateStrings: true },
  });
  try {
    return await work(connection);
  } finally {
    // Closing the connection releases its lock.
    connection.destroy();
  }
}

/**
 * Wait for this server's turn, with GET_LOCK. On Galera there are no turns: each node has its own
 * locks, and some versions refuse GET_LOCK.
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
    // Lock names are global to the server and have at most 64 characters.
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
 * Another server may run the same migrations through another node of Galera. So after a failure,
 * the pending migrations are tried again if the database needs other ones than before.
 */
async function migrateAll(connection: Connection, events: MigrationEvents): Promise<void> {
  // Another server may have migrated while this one waited for its turn.
  let pending = await readPending(connection);
  if (pending.length === 0) return;
  const isOriginal = (await engineOfUser(connection)) !== undefined;
  while (pending.length > 0) {
    const needed = await neededOf(connection, pending);
    try {
      await retryWhileLocked(events, () => throwIfObstacle(connection, needed));
      if (isOriginal) await retryWhileLocked(events, () => dryRun(connection, needed));
      await migrate(connection, pending, events);
      break;
    } catch (error) {
      if (isTemporary(error)) throw error;
      pending = await readPending(connection);
      // Not their number: a table that was created since may need as many as were carried out.
      if (areSame(await neededOf(connection, pending), needed)) throw error;
    }
  }
  if (isOriginal) await retryWhileLocked(events, () => checkTable(connection));
}

function areSame(some: readonly MysqlMigration[], others: readonly MysqlMigration[]): boolean {
  return some.length === others.length && some.every((each, i) => each === others[i]);
}

async function migrate(
  connection: Connection,
  pending: readonly MysqlMigration[],
  events: MigrationEvents,
): Promise<void> {
  await retryWhileLocked(events, () =>
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
      await retryWhileLocked(events, () => apply(connection, migration));
    }
    await retryWhileLocked(events, () => record(connection, migration));
  }
}

/** Retry while others hold the table. A failed try changes nothing and lets others go first. */
async function retryWhileLocked(
  events: MigrationEvents,
  work: () => Promise<unknown>,
): Promise<void> {
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
  const { prepare, sql } = migration;
  try {
    if (prepare !== undefined) await query(connection, prepare, [], TABLE_TIMEOUT_MS);
    await query(connection, sql, [], TABLE_TIMEOUT_MS);
  } catch (cause) {
    if (isTemporary(cause) || !(cause instanceof Error)) throw cause;
    // If another server was faster, the statement fails, as for a duplicate key. It is done.
    if (!(await isNeeded(connection, migration))) return;
    // The original system may have written to the table since the check for obstacles.
    throw new MigrationError(migration, cause.message, { cause });
  }
}

/** Record a migration, unless another server has done so. */
async function record(connection: Connection, { version, name }: MysqlMigration): Promise<void> {
  await query(
    connection,
    `INSERT INTO migration (version, name, gmt_create) VALUES (?, ?, UTC_TIMESTAMP())
     ON DUPLICATE KEY UPDATE version = version`,
    [version, name],
  );
}
