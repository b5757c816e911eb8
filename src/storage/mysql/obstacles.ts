import type { RowDataPacket } from "mysql2";
import type { Connection } from "mysql2/promise";
import { MigrationError } from "../migration.ts";
import { query, TABLE_TIMEOUT_MS } from "./connection.ts";
import type { MysqlMigration, MysqlObstacle } from "./migrations.ts";

// Finds the obstacles of migrations before any of them changes something.

/** The message names at most this many rows. */
const NAMED_OBSTACLES = 10;

interface NeededRow extends RowDataPacket {
  readonly needed: number | string;
}
interface ObstacleRow extends RowDataPacket {
  readonly id: number | string;
}

export async function isNeeded(
  connection: Connection,
  { countNeeded }: MysqlMigration,
): Promise<boolean> {
  if (countNeeded === undefined) return true;
  const [row] = await query<NeededRow[]>(connection, countNeeded);
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

/** @throws {MigrationError} the table has something that a migration cannot handle */
export async function throwIfObstacle(
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
