// Copies what DATA_DIR holds, while the tiers run. `bun run backup --help`

import { join } from "node:path";
import { DEFAULT_PROFILE_PATH } from "../schema/picture.ts";
import { BackupFolder, FolderError } from "./backup/folder.ts";
import { Pictures } from "./backup/pictures.ts";
import { BACKUP_HELP, parseBackupArguments } from "./cli/backup-arguments.ts";
import { MIGRATION_NOTES, runDatabaseCommand } from "./cli/database-command.ts";
import { count } from "./cli/progress.ts";
import { UsageError } from "./cli/usage.ts";
import { BACKUP, type BackupConfig } from "./config/backup.ts";
import { loadForCommand } from "./config/command.ts";
import { storageError } from "./storage/attempt.ts";
import { copySqliteFile, type SqliteCopy } from "./storage/sqlite/backup.ts";
import { StorageError } from "./user/stores.ts";

/** As a shell has it: 128 and the number of the signal. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const ELSEWHERE = {
  databaseUrl: (host: string) =>
    `users, which are in MySQL at ${host} (DATABASE_URL): ` +
    "mysqldump --single-transaction, mariadb-dump or mariadb-backup do it",
  redisUrl: (host: string) =>
    `sessions, which are in Redis at ${host} (REDIS_URL): they end by themselves, ` +
    "and all else there is a cache",
  avatarUrl: (host: string) =>
    `pictures, which are in the bucket ${host} (AVATAR_URL): ` +
    "its versioning or replication, `aws s3 sync` or `rclone sync` do it",
} as const;

/** Say what is not in DATA_DIR, and who copies it where it is. */
function sayWhatIsElsewhere(config: BackupConfig): void {
  for (const name of ["databaseUrl", "redisUrl", "avatarUrl"] as const) {
    const url = config[name]?.split(",")[0];
    if (url !== undefined) console.error(`Not copied: ${ELSEWHERE[name](new URL(url).host)}.`);
  }
}

class Stopped extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("stopped");
    this.exitCode = exitCode;
  }
}

/** @returns what throws once a signal to stop has come; SQLite's own part is not interrupted */
function listenForStop(): () => void {
  let stopped: Stopped | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      stopped ??= new Stopped(SIGNAL_EXIT_CODES[signal]);
    });
  }
  return () => {
    if (stopped) throw stopped;
  };
}

/** Copy all to a folder, and resolve to what was done, in words. */
async function copyAll(config: BackupConfig, path: string): Promise<string> {
  const { dataDir, databaseUrl, avatarUrl } = config;
  const throwIfStopped = listenForStop();
  const folder = await BackupFolder.create(path);
  try {
    const from = join(dataDir, "avatars");
    const pictures =
      avatarUrl === undefined ? new Pictures(from, folder.part("avatars")) : undefined;
    // Before the users, since there may be many, and again after them: the pictures that users have
    // are there by then, and one that was replaced is kept for another minute.
    await pictures?.copy(throwIfStopped);
    const users =
      databaseUrl === undefined
        ? await copySqliteFile(dataDir, folder.part("portico.sqlite"), MIGRATION_NOTES)
        : undefined;
    await Bun.sleep(0); // A signal that came during SQLite's part is heard now.
    await pictures?.copy(throwIfStopped);
    throwIfStopped();
    await folder.finish();
    return describe(config, path, users, pictures);
  } catch (error) {
    await folder.abandon();
    throw error;
  }
}

function describe(
  { dataDir }: BackupConfig,
  path: string,
  users: SqliteCopy | undefined,
  pictures: Pictures | undefined,
): string {
  const parts = [
    ...(users ? [`${count(users.users)} users`] : []),
    ...(pictures ? [`${count(pictures.count)} pictures`] : []),
  ];
  const bytes = count((users?.bytes ?? 0) + (pictures?.bytes ?? 0));
  const done = `Copied ${parts.join(" and ")} from ${dataDir} to ${path}: ${bytes} bytes`;
  const missing = (users?.pictures ?? []).filter(
    (name) => name !== DEFAULT_PROFILE_PATH && pictures?.has(name) === false,
  );
  if (missing.length === 0) return done;
  return `${done}\nMissing in ${dataDir}: ${count(missing.length)} pictures that users have`;
}

async function backup(path: string, config: BackupConfig): Promise<number> {
  sayWhatIsElsewhere(config);
  if (config.databaseUrl !== undefined && config.avatarUrl !== undefined) {
    throw new UsageError("There is nothing to copy in DATA_DIR");
  }
  try {
    console.log(await copyAll(config, path));
    return 0;
  } catch (error) {
    if (error instanceof FolderError) throw new UsageError(error.message);
    if (!(error instanceof Stopped)) {
      throw error instanceof StorageError ? error : storageError(`copy to ${path}`, error);
    }
    console.error("Stopped: nothing is left of it");
    return error.exitCode;
  }
}

if (import.meta.main) {
  await runDatabaseCommand(async () => {
    const args = parseBackupArguments(process.argv.slice(2));
    if (args !== "help") {
      return backup(args.folder, loadForCommand(BACKUP, process.env));
    }
    console.log(BACKUP_HELP);
    return 0;
  });
}
