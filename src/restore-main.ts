// Puts a backup into DATA_DIR. `bun run restore --help`

import { FolderError } from "./backup/folder.ts";
import { DamagedError, restoreDataDir } from "./backup/restore.ts";
import { HELP } from "./cli/help.ts";
import { count } from "./cli/layout.ts";
import { ExitCode, runDatabaseCommand, splitArguments, UsageError } from "./cli/usage.ts";
import { loadForCommand } from "./config/commands.ts";
import { RESTORE } from "./config/moving.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import { storageError } from "./storage/attempt.ts";

interface Arguments {
  readonly folder: string;
  /** The file of `--config`. */
  readonly configPath: string | undefined;
}

function parseArguments(args: string[]): Arguments | "help" {
  const { values, positionals } = splitArguments("restore", {
    args,
    options: { config: { type: "string" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) return "help";
  const [folder, ...more] = positionals;
  if (!folder || more.length > 0) {
    throw new UsageError("It takes one folder: bun run restore /backup/2026-11-30");
  }
  return { folder, configPath: values.config };
}

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
    const args = parseArguments(process.argv.slice(2));
    if (args !== "help") {
      const { dataDir } = loadForCommand(RESTORE, process.env, args.configPath);
      return restore(args.folder, dataDir);
    }
    console.log(HELP.restore);
    return 0;
  });
}

if (import.meta.main) await main();
