import { splitArguments } from "./usage.ts";

export const MIGRATE_HELP = `Bring the tables up to date.

It works on the database that DATABASE_URL names, else on SQLite in DATA_DIR.
Every TCP server does the same when it starts; of those that start at once, one
migrates and the others wait.

  bun run migrate            apply what is pending
  bun run migrate --status   list all, and change nothing

Exit codes:
  0  nothing is pending
  1  --status: something is pending
  2  not understood: arguments or environment
  3  the database failed, or cannot take a migration; run it again`;

/** @throws {UsageError} what is wrong with the arguments */
export function parseMigrateArguments(args: readonly string[]): "help" | "status" | "migrate" {
  const { values } = splitArguments("migrate", {
    args: [...args],
    options: { status: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) return "help";
  return values.status ? "status" : "migrate";
}
