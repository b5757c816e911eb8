import type { Loader } from "./load.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { readUsers, type UsersConfig } from "./storage.ts";

export interface BackupConfig extends UsersConfig {
  readonly redisUrl: string | undefined;
  /** As it is set: nothing is asked of the bucket. */
  readonly avatarUrl: string | undefined;
}

/** Of `bun run backup`. */
export const BACKUP: Loader<BackupConfig> = {
  program: "backup",
  read: (reader) => ({
    ...readUsers(reader),
    redisUrl: reader.readGiven("REDIS_URL", parseRedisUrl),
    avatarUrl: reader.given("AVATAR_URL"),
  }),
};
