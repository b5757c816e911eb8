import { splitArguments, UsageError } from "./usage.ts";

export const BACKUP_HELP = `Copy what Portico keeps in DATA_DIR, while it runs.

  bun run backup FOLDER

FOLDER gets portico.sqlite with all users, as they are at one moment, and the
folder avatars with their pictures. It is made if it is missing, and must be
empty. Until portico.sqlite is in it, it is no backup. Sessions are not copied:
after a restore everybody signs in again.

What is elsewhere (DATABASE_URL, REDIS_URL, AVATAR_URL) is not copied; it says
so, and names tools that do.

To restore: copy what is in FOLDER into an empty DATA_DIR, and start Portico.

Options
  -h, --help   this text

Exit codes:
  0    all is copied
  2    not understood: arguments or environment, FOLDER is not empty, or there
       is nothing in DATA_DIR to copy
  3    failed; FOLDER is left as it was
  130  stopped by Ctrl-C (SIGINT); FOLDER is left as it was
  143  stopped by SIGTERM; likewise`;

/**
 * @returns the folder, or "help"
 * @throws {UsageError} what is wrong with the arguments
 */
export function parseBackupArguments(args: readonly string[]): { folder: string } | "help" {
  const { values, positionals } = splitArguments("backup", {
    args: [...args],
    options: { help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) return "help";
  const [folder, ...more] = positionals;
  if (!folder || more.length > 0) {
    throw new UsageError("It takes one folder: bun run backup /backup/2026-11-30");
  }
  return { folder };
}
