import type { RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { User } from "../../user/stores.ts";
import { MigrationError, UnfitTableError } from "../migration.ts";
import { query } from "./connection.ts";
import { isDenied, isRolledBack, isTemporary } from "./errors.ts";
import { type MysqlMigration, OUR_COLUMNS } from "./migrations.ts";

// Checks by trial sign-ups that the table can be used. A column without a default, a trigger, a
// CHECK or a foreign key may prevent a sign-up, and MySQL's own message names the cause best.

const TRIAL_TABLE = "portico_trial";

interface CountRow extends RowDataPacket {
  readonly found: string | number;
}
interface EngineRow extends RowDataPacket {
  readonly engine: string;
  readonly transactions: string;
}
type UserRow = User & RowDataPacket;

/** Values as long as ours, with characters of each size in UTF-8. */
const LARGE: Omit<User, "username"> = {
  nickname: "é王😀xxxxx",
  profilePath: `${"0".repeat(36)}.webp`,
  password: `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`,
  salt: "",
};
/** Values that also fit into the narrow columns of an original table. */
const SMALL: Omit<User, "username"> = { nickname: "x", profilePath: "x", password: "x", salt: "" };

/**
 * Whether the table `user` has parts that Portico did not make. A database user with few rights
 * does not see all of them, such as triggers. The user that migrates the table does.
 */
async function hasForeignParts(connection: Connection): Promise<boolean> {
  const [row] = await query<CountRow[]>(
    connection,
    `SELECT
       (SELECT COUNT(*) FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'user'
          AND (column_name NOT IN (${OUR_COLUMNS})
            AND NOT (column_name = 'id' AND extra LIKE '%auto_increment%')))
       + (SELECT COUNT(*) FROM information_schema.tables
          WHERE table_schema = DATABASE() AND table_name = 'user' AND engine <> 'InnoDB')
       + (SELECT COUNT(*) FROM information_schema.table_constraints
          WHERE table_schema = DATABASE() AND table_name = 'user'
            AND constraint_name NOT IN ('PRIMARY', 'uk_username'))
       + (SELECT COUNT(*) FROM information_schema.triggers
          WHERE event_object_schema = DATABASE() AND event_object_table = 'user') AS found`,
  );
  return Number(row?.found) > 0;
}

/** The engine of the table `user`, and whether it can roll back. Undefined without a table. */
export async function engineOfUser(
  connection: Connection,
): Promise<{ readonly name: string; readonly canRollBack: boolean } | undefined> {
  const [row] = await query<EngineRow[]>(
    connection,
    `SELECT tables.engine AS engine, engines.transactions AS transactions
     FROM information_schema.tables AS tables
     JOIN information_schema.engines AS engines ON engines.engine = tables.engine
     WHERE table_schema = DATABASE() AND table_name = 'user'`,
  );
  return row && { name: row.engine, canRollBack: row.transactions === "YES" };
}

/**
 * Sign two users up, change them, and roll back.
 * @throws {UnfitTableError} a sign-up fails, or the table does not store the written values
 */
export async function checkTable(connection: Connection): Promise<void> {
  const engine = await engineOfUser(connection);
  if (engine?.canRollBack === false) {
    const how = "ALTER TABLE user ENGINE = InnoDB";
    throw new UnfitTableError(`its engine ${engine.name} cannot roll back: ${how}`);
  }
  await trySignUps(connection, "user", LARGE);
}

/**
 * Check the table if it has parts that Portico did not make. Our own table was checked when it was
 * migrated. Without a second check, a backup that locks the table does not keep a server from
 * starting.
 */
export async function checkForeignTable(connection: Connection): Promise<void> {
  try {
    if (await hasForeignParts(connection)) await checkTable(connection);
  } catch (error) {
    if (!isRolledBack(error)) throw error;
  }
}

/**
 * Try pending migrations before they change anything: sign users up in the current table, alter an
 * empty copy of it, then sign users up in the copy. Without the right to create temporary tables,
 * there is no copy.
 * @throws {MigrationError} a migration fails on the copy
 * @throws {UnfitTableError} a sign-up fails
 */
export async function dryRun(
  connection: Connection,
  needed: readonly MysqlMigration[],
): Promise<void> {
  const engine = await engineOfUser(connection);
  if (engine?.canRollBack) await trySignUps(connection, "user", SMALL);
  try {
    // An earlier dry run that failed on this connection has left its copy.
    await query(connection, `DROP TEMPORARY TABLE IF EXISTS ${TRIAL_TABLE}`);
    await query(connection, `CREATE TEMPORARY TABLE ${TRIAL_TABLE} LIKE user`);
  } catch (error) {
    if (isDenied(error)) return;
    throw error;
  }
  for (const migration of needed) {
    if (!migration.sql.startsWith("ALTER TABLE user")) continue;
    try {
      await query(connection, migration.sql.replace("TABLE user", `TABLE ${TRIAL_TABLE}`));
    } catch (cause) {
      if (isTemporary(cause) || !(cause instanceof Error)) throw cause;
      throw new MigrationError(migration, cause.message, { cause });
    }
  }
  await trySignUps(connection, TRIAL_TABLE, LARGE);
  await query(connection, `DROP TEMPORARY TABLE ${TRIAL_TABLE}`);
}

async function trySignUps(
  connection: Connection,
  table: string,
  values: Omit<User, "username">,
): Promise<void> {
  await query(connection, "START TRANSACTION");
  try {
    // Two users: without AUTO_INCREMENT, the second one gets the same id.
    for (let user = 0; user < 2; user++) {
      const username = `try-${crypto.randomUUID().slice(0, 8)}`;
      await trySignUp(connection, table, { username, ...values });
    }
  } catch (cause) {
    if (isTemporary(cause) || !(cause instanceof Error)) throw cause;
    throw cause instanceof UnfitTableError ? cause : new UnfitTableError(cause.message, { cause });
  } finally {
    await query(connection, "ROLLBACK");
  }
}

async function trySignUp(connection: Connection, table: string, user: User): Promise<void> {
  const { username, nickname, password, salt, profilePath } = user;
  await query(
    connection,
    `INSERT INTO ${table}
       (gmt_create, gmt_modified, username, nickname, password, salt, profile_path)
     VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP(), ?)`,
    [[username, "", "", "", ""]],
  );
  await query(
    connection,
    `UPDATE ${table} SET nickname = ?, password = ?, salt = ?, profile_path = ?,
       gmt_modified = UTC_TIMESTAMP() WHERE username = ?`,
    [nickname, password, salt, profilePath, username],
  );
  const [row] = await query<UserRow[]>(
    connection,
    `SELECT username, nickname, password, salt, profile_path AS profilePath
     FROM ${table} WHERE username = ?`,
    [username],
  );
  for (const [column, value] of Object.entries(user)) {
    if (row?.[column] === value) continue;
    throw new UnfitTableError(`it does not store what is written to ${column}`);
  }
}
