import type { PasswordScheme } from "../user/password.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { list, parsePasswordHash } from "./values.ts";

/** Where the users are. */
export interface UsersConfig {
  /** Without it, they are in SQLite in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

export interface SeedConfig extends UsersConfig {
  readonly passwordHash: PasswordScheme;
}

/** Of `bun run migrate`. */
export const MIGRATE: Loader<UsersConfig> = { program: "migrate", read: readMigrate };

/** Of `bun run seed`. */
export const SEED: Loader<SeedConfig> = {
  program: "seed",
  read: (reader) => ({ ...readMigrate(reader), passwordHash: readPasswordHash(reader) }),
};

function readMigrate(reader: EnvironmentReader): UsersConfig {
  refuseUnmeantSqlite(reader, ["DATABASE_URL"]);
  return readUsers(reader);
}

/** In production, SQLite must be what is meant, not what is left when a variable is forgotten. */
export function refuseUnmeantSqlite(
  reader: EnvironmentReader,
  servers: readonly ("DATABASE_URL" | "REDIS_URL")[],
): void {
  if (reader.isOn("STORAGE", "embedded") || !reader.isProduction) return;
  const missing = servers.filter((name) => !reader.has(name));
  if (missing.length === 0) return;
  reader.report(
    `${list(missing)} must be set, as this is production (NODE_ENV=production); or set ` +
      "STORAGE=embedded to keep users and sessions in SQLite in DATA_DIR. " +
      "`bun run dev` needs neither",
  );
}

export function readUsers(reader: EnvironmentReader): UsersConfig {
  return {
    databaseUrl: reader.readGiven("DATABASE_URL", parseDatabaseUrl),
    dataDir: reader.text("DATA_DIR"),
  };
}

export function readPasswordHash(reader: EnvironmentReader): PasswordScheme {
  return reader.read("PASSWORD_HASH", { name: "salted-md5" }, parsePasswordHash);
}
