// Copies users and pictures out of DATA_DIR while the tiers run. `bun run backup --help`

import { DEFAULT_PROFILE_PATH } from "../schema/picture.ts";
import { type Copied, copyDataDir } from "./backup/copy.ts";
import { FolderError } from "./backup/folder.ts";
import { parseFolderArguments } from "./cli/folder-argument.ts";
import { HELP } from "./cli/help.ts";
import { count } from "./cli/layout.ts";
import { MIGRATION_NOTES, runDatabaseCommand, UsageError } from "./cli/usage.ts";
import { BACKUP, type BackupConfig, loadForCommand } from "./config/commands.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import { storageError } from "./storage/attempt.ts";
import { databaseHosts } from "./storage/mysql/host-urls.ts";
import { StorageError } from "./user/stores.ts";

/** Data that may be outside DATA_DIR, and how to copy it. */
const ELSEWHERE = {
  databaseUrl: (host: string) =>
    `users, which are in MySQL at ${host} (DATABASE_URL). ` +
    "Use mysqldump --single-transaction, mariadb-dump or mariadb-backup",
  redisUrl: (host: string) =>
    `sessions, which are in Redis at ${host} (REDIS_URL). ` +
    "They expire, and everything else there is a cache",
  avatarUrl: (host: string) =>
    `pictures, which are in the bucket ${host} (AVATAR_URL). ` +
    "Use its versioning or replication, `aws s3 sync` or `rclone sync`",
} as const;

function hostsOf(name: keyof typeof ELSEWHERE, url: string): string {
  if (name === "databaseUrl") return databaseHosts(url);
  return new URL(url.split(",")[0] ?? url).host;
}

async function backup(folder: string, config: BackupConfig): Promise<number> {
  for (const name of ["databaseUrl", "redisUrl", "avatarUrl"] as const) {
    const url = config[name];
    if (url !== undefined) console.error(`Not copied: ${ELSEWHERE[name](hostsOf(name, url))}.`);
  }
  const { dataDir } = config;
  const hasUsers = config.databaseUrl === undefined;
  const hasPictures = config.avatarUrl === undefined;
  if (!hasUsers && !hasPictures) throw new UsageError("There is nothing to copy in DATA_DIR");
  try {
    const options = { dataDir, hasUsers, hasPictures, busy: MIGRATION_NOTES, stop: stopSignal() };
    console.log(describe(dataDir, folder, await copyDataDir(folder, options)));
    return 0;
  } catch (error) {
    if (error instanceof FolderError) throw new UsageError(error.message);
    if (!(error instanceof Stopped)) {
      throw error instanceof StorageError ? error : storageError(`copy to ${folder}`, error);
    }
    console.error("Stopped: the incomplete copy is removed");
    return error.exitCode;
  }
}

function describe(dataDir: string, folder: string, { users, pictures }: Copied): string {
  const parts = [
    ...(users ? [`${count(users.users)} users`] : []),
    ...(pictures ? [`${count(pictures.count)} pictures`] : []),
  ];
  const bytes = count((users?.bytes ?? 0) + (pictures?.bytes ?? 0));
  const done = `Copied ${parts.join(" and ")} from ${dataDir} to ${folder}: ${bytes} bytes`;
  if (users?.movedTo !== undefined) {
    console.error(`The users have moved to ${users.movedTo}: this is a copy of the old ones`);
  }
  const missing = (users?.pictures ?? []).filter(
    (name) => name !== DEFAULT_PROFILE_PATH && pictures?.has(name) === false,
  );
  if (missing.length === 0) return done;
  return `${done}\nMissing in ${dataDir}: ${count(missing.length)} pictures that users have`;
}

export async function main(): Promise<void> {
  await runDatabaseCommand(async () => {
    const args = parseFolderArguments("backup", process.argv.slice(2));
    if (args !== "help") {
      return backup(args.folder, loadForCommand(BACKUP, process.env, args.configPath));
    }
    console.log(HELP.backup);
    return 0;
  });
}

if (import.meta.main) await main();
