import type { RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MigrationError } from "../migration.ts";
import type { MysqlMigration, MysqlObstacle } from "./migrations.ts";
import { query, TABLE_TIMEOUT_MS } from "./statement.ts";
import { proveOriginalAccounts, tryOnCopy } from "./trial.ts";

// What is in the way of migrations, found out before they change anything.

/** How many rows that are in the way are named. */
const NAMED_OBSTACLES = 10;

interface NeededRow extends RowDataPacket {
  readonly needed: number | string;
}
interface ObstacleRow extends RowDataPacket {
  readonly id: number | string;
}

export async function isNeeded(
  connection: Connection,
  { neededWhere }: MysqlMigration,
): Promise<boolean> {
  if (neededWhere === undefined) return true;
  const [row] = await query<NeededRow[]>(connection, neededWhere);
  return Number(row?.needed) > 0;
}

export async function neededOf(
  connection: Connection,
  pending: readonly MysqlMigration[],
): Promise<MysqlMigration[]> {
  const needed: MysqlMigration[] = [];
  for (const each of pending) if (await isNeeded(connection, each)) needed.push(each);
  return needed;
}

/** All that is in the way of any, while the table is as it was. */
export async function findObstacles(
  connection: Connection,
  needed: readonly MysqlMigration[],
): Promise<void> {
  const absent = new Set<MysqlObstacle>();
  for (const migration of needed) {
    for (const obstacle of migration.obstacles ?? []) {
      if (absent.has(obstacle)) continue;
      const rows = await query<ObstacleRow[]>(
        connection,
        `${obstacle.sql} LIMIT ?`,
        [NAMED_OBSTACLES],
        TABLE_TIMEOUT_MS,
      );
      const found = `${obstacle.what ?? "id"} ${rows.map(({ id }) => id).join(", ")}`;
      if (rows.length > 0) throw new MigrationError(migration, `${obstacle.why} (${found})`);
      absent.add(obstacle);
    }
  }
}

/** Obstacles that are not listed here are found on a copy. */
export async function tryOut(
  connection: Connection,
  needed: readonly MysqlMigration[],
): Promise<void> {
  await proveOriginalAccounts(connection);
  const alterations = needed.filter(({ sql }) => sql.startsWith("ALTER TABLE user"));
  await tryOnCopy(
    connection,
    alterations,
    (migration, cause) => new MigrationError(migration, cause.message, { cause }),
  );
}
