import { attempt } from "./attempt.ts";
import type { MigrationEvents, MigrationState } from "./migration.ts";
import { migrateMysql, mysqlMigrationStates } from "./mysql/migrate.ts";
import { inTurn, openSqliteFile, sqliteFileStates } from "./sqlite/file.ts";

/** The migrations of one database. Every method throws a StorageError. */
export interface Migrations {
  /** As in "MySQL at 127.0.0.1:3306/portico". */
  readonly database: string;
  /** Those that it has and those that it lacks, in order. Changes nothing. */
  states(): Promise<MigrationState[]>;
  /** Apply those that it lacks, in order. */
  migrate(events: MigrationEvents): Promise<void>;
}

export interface MigrationsOptions {
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

export function migrationsOf({ databaseUrl, dataDir }: MigrationsOptions): Migrations {
  if (databaseUrl === undefined) {
    const database = `SQLite in ${dataDir}`;
    return {
      database,
      states: () =>
        attempt(`read ${database} (DATA_DIR)`, () => inTurn(() => sqliteFileStates(dataDir))),
      migrate: (events) =>
        attempt(`migrate ${database} (DATA_DIR)`, () =>
          inTurn(() => openSqliteFile(dataDir).close(), events),
        ),
    };
  }
  const { host, pathname } = new URL(databaseUrl);
  const database = `MySQL at ${host}${pathname}`;
  return {
    database,
    states: () =>
      attempt(`read ${database} (DATABASE_URL)`, () => mysqlMigrationStates(databaseUrl)),
    migrate: (events) =>
      attempt(`migrate ${database} (DATABASE_URL)`, () => migrateMysql(databaseUrl, events)),
  };
}
