// Brings the tables up to date, or tells whether they are. `bun run migrate --help`

import { MIGRATION_NOTES, runDatabaseCommand } from "./cli/database-command.ts";
import { table } from "./cli/layout.ts";
import { MIGRATE_HELP, parseMigrateArguments } from "./cli/migrate-arguments.ts";
import { loadForCommand } from "./config/command.ts";
import { MIGRATE } from "./config/storage.ts";
import type { MigrationState } from "./storage/migration.ts";
import { type Migrations, migrationsOf } from "./storage/migrations.ts";

/** For `--status`, so that a deploy script can ask. */
const SOMETHING_IS_PENDING = 1;

async function migrate(migrations: Migrations): Promise<number> {
  const pending = (await migrations.states()).filter(isPending);
  // Even if none is pending: it proves that the tables can be used.
  await migrations.migrate(MIGRATION_NOTES);
  const done = pending.length === 0 ? "Nothing to do" : "Done";
  console.log(`${done}: ${migrations.database} is up to date`);
  return 0;
}

async function showStatus(migrations: Migrations): Promise<number> {
  const states = await migrations.states();
  const rows = states.map((state) => [`${state.version}`, state.name, stateText(state)]);
  console.log(`${migrations.database}\n${table(rows, "  ")}`);
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
      const migrations = migrationsOf(loadForCommand(MIGRATE, process.env));
      return what === "status" ? showStatus(migrations) : migrate(migrations);
    }
    console.log(MIGRATE_HELP);
    return 0;
  });
}
