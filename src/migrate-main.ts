// Brings the tables up to date, or tells whether they are. `bun run migrate --help`

import { MIGRATION_NOTES, runDatabaseCommand } from "./cli/database-command.ts";
import { table } from "./cli/layout.ts";
import { MIGRATE_HELP, parseMigrateArguments } from "./cli/migrate-arguments.ts";
import { loadForCommand } from "./config/command.ts";
import { MIGRATE } from "./config/storage.ts";
import type { MigrationState } from "./storage/migration.ts";
import { type UserDatabase, userDatabase } from "./storage/user-database.ts";

/** For `--status`, so that a deploy script can ask. */
const SOMETHING_IS_PENDING = 1;

async function migrate(database: UserDatabase): Promise<number> {
  const pending = (await database.migrationStates()).filter(isPending);
  // Even if none is pending: it proves that the tables can be used.
  await database.migrate(MIGRATION_NOTES);
  const done = pending.length === 0 ? "Nothing to do" : "Done";
  console.log(`${done}: ${database.name} is up to date`);
  return 0;
}

async function showStatus(database: UserDatabase): Promise<number> {
  const states = await database.migrationStates();
  const rows = states.map((state) => [`${state.version}`, state.name, stateText(state)]);
  console.log(`${database.name}\n${table(rows, "  ")}`);
  const pending = states.filter(isPending).length;
  if (pending === 0) return 0;
  console.log(`${pending} pending: bun run migrate`);
  return SOMETHING_IS_PENDING;
}

function isPending({ appliedAt }: MigrationState): boolean {
  return appliedAt === undefined;
}

function stateText({ appliedAt, isKnown }: MigrationState): string {
  if (appliedAt === undefined) return "pending";
  return `${appliedAt} UTC${isKnown ? "" : ", by a newer version"}`;
}

if (import.meta.main) {
  await runDatabaseCommand(async () => {
    const what = parseMigrateArguments(process.argv.slice(2));
    if (what !== "help") {
      const database = userDatabase(loadForCommand(MIGRATE, process.env));
      return what === "status" ? showStatus(database) : migrate(database);
    }
    console.log(MIGRATE_HELP);
    return 0;
  });
}
