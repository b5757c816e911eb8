// Brings the tables up to date, or tells whether they are. `bun run migrate --help`

import { HELP } from "./cli/help.ts";
import { count, table } from "./cli/layout.ts";
import { Progress } from "./cli/progress.ts";
import {
  ExitCode,
  MIGRATION_NOTES,
  optionsOrExit,
  runDatabaseCommand,
  UsageError,
} from "./cli/usage.ts";
import { loadForCommand, MIGRATE, type RowsConfig } from "./config/commands.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import type { ClassicRows } from "./storage/classic-rows.ts";
import type { MigrationState } from "./storage/migration.ts";
import { type UserDatabase, userDatabase } from "./storage/user-database.ts";
import { Passwords } from "./user/password.ts";

/** Far longer than a batch takes at most costs. A batch that is not written is read again. */
const STOP_GRACE_MS = 10_000;
/** Passwords that are hashed before they are written. At the default cost, this takes 0.2 s. */
const BATCH = 32;

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

/** Make every password of the classic scheme strong, without knowing any. */
async function wrapMd5(database: UserDatabase, config: RowsConfig): Promise<number> {
  const { passwordHash, peppers } = config;
  if (passwordHash.name === "salted-md5") {
    throw new UsageError("--wrap-md5 needs argon2id: PASSWORD_HASH is salted-md5");
  }
  const rows = await database.openClassicRows(MIGRATION_NOTES);
  const stop = stopSignal(STOP_GRACE_MS);
  try {
    const total = await rows.count();
    if (total === 0) {
      console.log(`Nothing to do: no classic password is in ${rows.database}`);
      return 0;
    }
    const { memoryKib, passes, lanes } = passwordHash;
    const cost = `argon2id:m=${memoryKib},t=${passes},p=${lanes}`;
    console.error(`Wrapping ${count(total)} classic passwords in ${rows.database} with ${cost}`);
    const wrapped = await wrapAll(rows, total, new Passwords(passwordHash, { peppers }), stop);
    const left = await rows.count();
    const done = left === 0 ? "Done" : "Stopped";
    console.log(
      `${done}: ${count(wrapped)} are wrapped in ${rows.database}, ${count(left)} are left`,
    );
    if (left === 0) return 0;
    if (stop.reason instanceof Stopped) {
      console.log("To continue: bun run migrate --wrap-md5");
      return stop.reason.exitCode;
    }
    console.log("A server added them: set PASSWORD_HASH to argon2id for all, and run this again");
    return ExitCode.negative;
  } finally {
    await rows.close();
  }
}

/** @returns how many were replaced; the others were changed by their users first */
async function wrapAll(
  rows: ClassicRows,
  total: number,
  passwords: Passwords,
  stop: AbortSignal,
): Promise<number> {
  const call = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
  const progress = new Progress(total, 0, process.stderr);
  let [wrapped, seen] = [0, 0];
  try {
    let batch = await rows.after(0, BATCH);
    while (batch.length > 0 && !stop.aborted) {
      wrapped += await rows.replace(
        await Promise.all(
          batch.map(async (row) => ({ row, password: (await passwords.wrap(row, call)).password })),
        ),
      );
      seen += batch.length;
      progress.update(Math.min(seen, total));
      batch = await rows.after(batch.at(-1)?.id ?? 0, BATCH);
    }
  } finally {
    progress.end();
  }
  return wrapped;
}

export async function main(): Promise<void> {
  const options = await optionsOrExit("migrate", HELP.migrate, {
    config: { type: "string" },
    status: { type: "boolean" },
    "wrap-md5": { type: "boolean" },
  });
  const { status: isStatus, "wrap-md5": isWrap } = options;
  const config = loadForCommand(MIGRATE, process.env, options.config);
  const database = userDatabase(config);
  await runDatabaseCommand(async () => {
    if (isStatus && isWrap) throw new UsageError("--status and --wrap-md5 do not go together");
    if (isWrap) return wrapMd5(database, config);
    return isStatus ? showStatus(database) : migrate(database);
  });
}

if (import.meta.main) await main();
