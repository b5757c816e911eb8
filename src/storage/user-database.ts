import { attempt } from "./attempt.ts";
import type { ClassicRows } from "./classic-rows.ts";
import type { MigrationEvents, MigrationState } from "./migration.ts";
import { MysqlClassicRows } from "./mysql/classic-rows.ts";
import { MysqlHosts } from "./mysql/hosts.ts";
import { migrateMysql, mysqlMigrationStates } from "./mysql/migrate.ts";
import { MysqlSeed } from "./mysql/seed.ts";
import type { Seed } from "./seed.ts";
import { SqliteClassicRows } from "./sqlite/classic-rows.ts";
import { openSqliteFile, retryWhileBusy, sqliteFileStates } from "./sqlite/file.ts";
import { openUnmoved } from "./sqlite/freeze.ts";
import { SqliteSeed } from "./sqlite/seed.ts";

/** The database of the users, for the commands. Every method throws a StorageError. */
export interface UserDatabase {
  /** Such as "MySQL at 127.0.0.1:3306/portico". */
  readonly name: string;
  /** The applied and the pending migrations, in order. Changes nothing. */
  migrationStates(): Promise<MigrationState[]>;
  /** Apply the pending migrations, in order. */
  migrate(events: MigrationEvents): Promise<void>;
  /**
   * Migrate, then get ready to insert many users. Several processes may do so at once; they take
   * turns.
   * @param nameOf the name of user n, to check that the inserted users are still there
   */
  openSeed(nameOf: (n: number) => string, events: MigrationEvents): Promise<Seed>;
  /** Migrate, then get ready to replace the passwords of the classic scheme. */
  openClassicRows(events: MigrationEvents): Promise<ClassicRows>;
}

export interface UserDatabaseOptions {
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

export function userDatabase({ databaseUrl, dataDir }: UserDatabaseOptions): UserDatabase {
  return databaseUrl === undefined ? inSqlite(dataDir) : inMysql(databaseUrl);
}

function inSqlite(dataDir: string): UserDatabase {
  const name = `SQLite in ${dataDir}`;
  return {
    name,
    migrationStates: () =>
      attempt(`read ${name} (DATA_DIR)`, () => retryWhileBusy(() => sqliteFileStates(dataDir))),
    migrate: (events) =>
      attempt(`migrate ${name} (DATA_DIR)`, () =>
        retryWhileBusy(() => openSqliteFile(dataDir).close(), events),
      ),
    openSeed: (nameOf, events) =>
      attempt(`open ${name} (DATA_DIR)`, async () => {
        const file = await retryWhileBusy(() => openUnmoved(dataDir, "users"), events);
        return SqliteSeed.open(name, file, { nameOf, waiting: events.waiting });
      }),
    openClassicRows: (events) =>
      attempt(`open ${name} (DATA_DIR)`, async () => {
        const file = await retryWhileBusy(() => openUnmoved(dataDir, "users"), events);
        return new SqliteClassicRows(name, file, { waiting: events.waiting });
      }),
  };
}

function inMysql(databaseUrl: string): UserDatabase {
  const hosts = new MysqlHosts(databaseUrl);
  const name = `MySQL at ${hosts.addresses}${new URL(hosts.currentUrl).pathname}`;
  return {
    name,
    migrationStates: () =>
      attempt(`read ${name} (DATABASE_URL)`, () => mysqlMigrationStates(hosts)),
    migrate: (events) =>
      attempt(`migrate ${name} (DATABASE_URL)`, () => migrateMysql(hosts, events)),
    openSeed: (nameOf, events) =>
      attempt(`open ${name} (DATABASE_URL)`, async () => {
        await migrateMysql(hosts, events);
        return MysqlSeed.open(name, hosts, nameOf);
      }),
    openClassicRows: (events) =>
      attempt(`open ${name} (DATABASE_URL)`, async () => {
        await migrateMysql(hosts, events);
        return MysqlClassicRows.open(name, hosts);
      }),
  };
}
