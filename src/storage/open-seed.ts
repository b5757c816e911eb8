import { attempt } from "./attempt.ts";
import type { MigrationEvents } from "./migration.ts";
import { migrateMysql } from "./mysql/migrate.ts";
import { MysqlSeed } from "./mysql/seed.ts";
import type { Seed } from "./seed.ts";
import { inTurn, openSqliteFile } from "./sqlite/file.ts";
import { SqliteSeed } from "./sqlite/seed.ts";

export interface SeedOptions {
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  /** The name of user n, to see whether those that were inserted are still there. */
  readonly nameOf: (n: number) => string;
  readonly events: MigrationEvents;
}

/**
 * Open a database to be filled, its tables up to date. Several may do so at once: they take turns.
 * @throws {StorageError} it cannot be reached, or refuses
 */
export async function openSeed(options: SeedOptions): Promise<Seed> {
  const { databaseUrl, dataDir, nameOf, events } = options;
  if (databaseUrl === undefined) {
    const database = `SQLite in ${dataDir}`;
    return attempt(`open ${database} (DATA_DIR)`, async () => {
      const file = await inTurn(() => openSqliteFile(dataDir), events);
      return SqliteSeed.open(database, file, { nameOf, waiting: events.waiting });
    });
  }
  const { host, pathname } = new URL(databaseUrl);
  const database = `MySQL at ${host}${pathname}`;
  return attempt(`open ${database} (DATABASE_URL)`, async () => {
    await migrateMysql(databaseUrl, events);
    return MysqlSeed.open(database, databaseUrl, nameOf);
  });
}
