import type { BucketAccess } from "../http/avatar/bucket.ts";
import { readAvatarBucket } from "./bucket.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { ConfigError, type Loader, loadOrExit, orExit } from "./load.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { readSettings } from "./settings.ts";
import type { Environment } from "./variables.ts";

// The two configs of `bun run graduate`: of the installation that moves, and of its new places.

/** The exit code of wrong usage, as in a shell. */
const MISUNDERSTOOD = 2;

export interface GraduateConfig {
  readonly dataDir: string;
  /** Parts that are not in `dataDir`, by their variables. */
  readonly elsewhere: Readonly<Record<"DATABASE_URL" | "REDIS_URL" | "AVATAR_URL", boolean>>;
}

/** The installation that moves: that of the environment. */
export const GRADUATE: Loader<GraduateConfig> = {
  program: "graduate",
  read: (reader) => ({
    dataDir: reader.text("DATA_DIR"),
    elsewhere: {
      DATABASE_URL: reader.given("DATABASE_URL") !== undefined,
      REDIS_URL: reader.given("REDIS_URL") !== undefined,
      AVATAR_URL: reader.given("AVATAR_URL") !== undefined,
    },
  }),
};

export interface NewPlaces {
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly avatarBucket: BucketAccess | undefined;
}

const NEW_PLACES: Loader<NewPlaces> = {
  program: "graduate",
  read: (reader) => ({
    databaseUrl: reader.readGiven("DATABASE_URL", parseDatabaseUrl),
    redisUrl: reader.readGiven("REDIS_URL", parseRedisUrl),
    avatarBucket: readAvatarBucket(reader),
  }),
};

/** Read the new places from the settings file of the new installation, and from nowhere else. */
export function loadNewPlaces(path: string): NewPlaces {
  const settings = orExit(() => readTo(path), MISUNDERSTOOD);
  for (const warning of settings.warnings) console.error(warning);
  return loadOrExit(NEW_PLACES, settings, MISUNDERSTOOD);
}

function readTo(path: string) {
  const nothing: Environment = {};
  try {
    return readSettings(NEW_PLACES.program, nothing, path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.message.replace(/^--config /, "--to "));
  }
}

/** `bun run restore`. */
export const RESTORE: Loader<{ readonly dataDir: string }> = {
  program: "restore",
  read: (reader) => ({ dataDir: reader.text("DATA_DIR") }),
};
