import { attempt } from "./attempt.ts";
import type { Seed, UserOf } from "./seed.ts";
import { MysqlSeed } from "./seed-mysql.ts";
import { SqliteSeed } from "./seed-sqlite.ts";

export interface SeedOptions {
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  readonly userOf: UserOf;
}

/**
 * Open a database to be filled, its tables up to date. Several may do so at once: they take turns.
 * @throws {StorageError} it cannot be reached, or refuses
 */
export async function openSeed({ databaseUrl, dataDir, userOf }: SeedOptions): Promise<Seed> {
  if (databaseUrl === undefined) {
    const database = `SQLite in ${dataDir}`;
    return attempt(`open ${database} (DATA_DIR)`, () => new SqliteSeed(database, dataDir, userOf));
  }
  const { host, pathname } = new URL(databaseUrl);
  const database = `MySQL at ${host}${pathname}`;
  return attempt(`open ${database} (DATABASE_URL)`, () =>
    MysqlSeed.open(database, databaseUrl, userOf),
  );
}
