// Puts a backup into DATA_DIR. `bun run restore --help`

import { FolderError } from "./backup/folder.ts";
import { DamagedError, restoreDataDir } from "./backup/restore.ts";
import { parseFolderArguments } from "./cli/folder-argument.ts";
import { HELP } from "./cli/help.ts";
import { count } from "./cli/layout.ts";
import { ExitCode, runDatabaseCommand, UsageError } from "./cli/usage.ts";
import { loadForCommand } from "./config/commands.ts";
import { RESTORE } from "./config/moving.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import { storageError } from "./storage/attempt.ts";

async function restore(folder: string, dataDir: string): Promise<number> {
  try {
    const { users, pictures, isCompared } = await restoreDataDir(folder, dataDir, stopSignal());
    if (!isCompared) console.error(`Not compared: ${folder} has no SHA256SUMS`);
    console.log(
      `Restored ${count(users)} users and ${count(pictures)} pictures from ${folder} ` +
        `into ${dataDir}`,
    );
    return 0;
  } catch (error) {
    if (error instanceof FolderError) throw new UsageError(error.message);
    if (error instanceof Stopped) {
      console.error("Stopped: nothing is restored");
      return error.exitCode;
    }
    if (!(error instanceof DamagedError)) throw storageError(`restore ${folder}`, error);
    console.error(error.message);
    return ExitCode.negative;
  }
}

export async function main(): Promise<void> {
  await runDatabaseCommand(async () => {
    const args = parseFolderArguments("restore", process.argv.slice(2));
    if (args !== "help") {
      const { dataDir } = loadForCommand(RESTORE, process.env, args.configPath);
      return restore(args.folder, dataDir);
    }
    console.log(HELP.restore);
    return 0;
  });
}

if (import.meta.main) await main();
