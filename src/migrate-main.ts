// Brings the tables up to date, or tells whether they are. `bun run migrate --help`

import { HELP } from "./cli/help.ts";
import { table } from "./cli/layout.ts";
import { ExitCode, MIGRATION_NOTES, optionsOrExit, runDatabaseCommand } from "./cli/usage.ts";
import { loadForCommand, MIGRATE } from "./config/commands.ts";
import type { MigrationState } from "./storage/migration.ts";
import { type UserDatabase, userDatabase } from "./storage/user-database.ts";

async function migrate(database: UserDatabase): Promise<number> {
  const pending = (await database.migrationStates()).filter(isPending);
  // Do this even if no migration is pending: it checks that the tables can be used.
  await database.migrate(MIGRATION_NOTES);
  const done = pending.length === 0 ? "Nothing to do" : "Done";
  console.log(`${done}: ${database.name} is up to date`);
  return 0;
}

/** Print the migrations. The exit code tells a deploy script whether one is pending. */
async function showStatus(database: UserDatabase): Promise<number> {
  const states = await database.migrationStates();
  const rows = states.map((state) => [`${state.version}`, state.name, stateText(state)]);
  console.log(`${database.name}\n${table(rows, "  ")}`);
  const pending = states.filter(isPending).length;
  if (pending === 0) return 0;
  console.log(`${pending} pending: bun run migrate`);
  return ExitCode.negative;
}

function isPending({ appliedAt }: MigrationState): boolean {
  return appliedAt === undefined;
}

function stateText({ appliedAt, isKnown }: MigrationState): string {
  if (appliedAt === undefined) return "pending";
  return `${appliedAt} UTC${isKnown ? "" : ", by a newer version"}`;
}

if (import.meta.main) {
  const { status } = await optionsOrExit("migrate", HELP.migrate, { status: { type: "boolean" } });
  const database = userDatabase(loadForCommand(MIGRATE, process.env));
  await runDatabaseCommand(() => (status ? showStatus(database) : migrate(database)));
}
