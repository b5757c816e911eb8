import { parseDatabaseUrl } from "./database-url.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { type PasswordHash, parsePasswordHash } from "./values.ts";

/** Where the users are. */
export interface UsersConfig {
  /** Without it, they are in SQLite in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

export interface SeedConfig extends UsersConfig {
  readonly passwordHash: PasswordHash;
}

/** Of `bun run migrate`. */
export const MIGRATE: Loader<UsersConfig> = { program: "migrate", read: readUsers };

/** Of `bun run seed`. */
export const SEED: Loader<SeedConfig> = {
  program: "seed",
  read: (reader) => ({ ...readUsers(reader), passwordHash: readPasswordHash(reader) }),
};

export function readUsers(reader: EnvironmentReader): UsersConfig {
  return {
    databaseUrl: reader.read("DATABASE_URL", undefined, () =>
      parseDatabaseUrl(reader.given("DATABASE_URL")),
    ),
    dataDir: reader.text("DATA_DIR"),
  };
}

export function readPasswordHash(reader: EnvironmentReader): PasswordHash {
  return reader.read("PASSWORD_HASH", { name: "salted-md5" }, parsePasswordHash);
}
