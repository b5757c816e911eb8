// Fills the user table with test users. `bun run seed --help`

import { HELP } from "./cli/help.ts";
import { count, duration, rateOf } from "./cli/layout.ts";
import { Progress } from "./cli/progress.ts";
import { MIGRATION_NOTES, runDatabaseCommand, splitArguments, UsageError } from "./cli/usage.ts";
import { loadForCommand, type RowsConfig, SEED } from "./config/commands.ts";
import { parseWhole } from "./config/values.ts";
import { Stopped, stopSignal } from "./process/end.ts";
import type { Seed, SeedProgress } from "./storage/seed.ts";
import { userDatabase } from "./storage/user-database.ts";
import {
  createTestUsers,
  MAX_TEST_USERS,
  TEST_PASSWORDS,
  type TestUsers,
  testUsername,
} from "./user/test-users.ts";

/** Far longer than a transaction takes. If the database hangs, the transaction is rolled back. */
const STOP_GRACE_MS = 10_000;

/** @returns how many users there must be, and the file of `--config`; or "help" */
function parseArguments(args: string[]): { users: number; configPath?: string } | "help" {
  const { values } = splitArguments("seed", {
    args,
    options: {
      users: { type: "string" },
      config: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  if (values.users === undefined) {
    throw new UsageError("--users is missing: bun run seed --users 10000");
  }
  try {
    const users = parseWhole(values.users, 1, MAX_TEST_USERS);
    return values.config === undefined ? { users } : { users, configPath: values.config };
  } catch (error) {
    throw new UsageError(`--users ${error instanceof Error ? error.message : error}`);
  }
}

/** Add test users until there are `users`, or until a signal. */
async function seedUsers(users: number, config: RowsConfig): Promise<number> {
  const seed = await userDatabase(config).openSeed(testUsername, MIGRATION_NOTES);
  // Handle signals only from now on: while the command waits for the database, a signal must end it
  // at once.
  const stop = stopSignal(STOP_GRACE_MS);
  try {
    const before = await seed.progress();
    if (before.next >= users) {
      console.log(`Nothing to do: ${describe(users, before, seed)}`);
      return 0;
    }
    const already = before.next === 0 ? "" : `, ${count(before.next)} of which exist`;
    console.error(`Filling ${seed.database} with ${count(users)} users${already}: ${seed.method}`);
    const userOf = await makeTestUsers(users - before.next, config);
    const beganAtMs = performance.now();
    const after = await fill(seed, before, { users, userOf }, stop);
    const ms = performance.now() - beganAtMs;
    const rows = after.next - before.next;
    const isDone = after.next >= users;
    console.log(
      `${isDone ? "Done" : "Stopped"}: ${describe(after.next, after, seed)}\n` +
        `${count(rows)} rows in ${duration(ms / 1000)}, ${count(rateOf(rows, ms))} rows/s`,
    );
    if (isDone) return 0;
    console.log(`To continue: bun run seed --users ${users}`);
    return stop.reason instanceof Stopped ? stop.reason.exitCode : 0;
  } finally {
    await seed.close();
  }
}

async function makeTestUsers(
  users: number,
  { passwordHash, peppers }: RowsConfig,
): Promise<TestUsers> {
  const beganAtMs = performance.now();
  const userOf = await createTestUsers(passwordHash, peppers);
  if (passwordHash.name === "argon2id" && users > TEST_PASSWORDS) {
    const seconds = ((performance.now() - beganAtMs) / 1000) * (users / TEST_PASSWORDS);
    console.error(
      `argon2id: ${count(users)} hashes would take about ${duration(seconds)}, ` +
        `so the users share ${TEST_PASSWORDS} hashes, one for each password`,
    );
  }
  return userOf;
}

async function fill(
  seed: Seed,
  before: SeedProgress,
  { users, userOf }: { users: number; userOf: TestUsers },
  stop: AbortSignal,
): Promise<SeedProgress> {
  const progress = new Progress(users, before.next, process.stderr);
  let reached = before;
  try {
    while (reached.next < users && !stop.aborted) {
      reached = await seed.advance(users, userOf);
      progress.update(Math.min(reached.next, users));
      // A write to SQLite blocks the event loop, so handle signals between two writes.
      await Bun.sleep(0);
    }
  } finally {
    progress.end();
  }
  return reached;
}

function describe(users: number, { taken }: SeedProgress, { database }: Seed): string {
  const were = taken === 1 ? "1 name was" : `${count(taken)} names were`;
  const left = taken === 0 ? "" : `; ${were} taken by other users`;
  const who = users === 0 ? "no users" : `test0 to test${users - 1}`;
  return `${who} are in ${database}${left}`;
}

export async function main(): Promise<void> {
  await runDatabaseCommand(async () => {
    const args = parseArguments(process.argv.slice(2));
    if (args !== "help") {
      return seedUsers(args.users, loadForCommand(SEED, process.env, args.configPath));
    }
    console.log(HELP.seed);
    return 0;
  });
}

if (import.meta.main) await main();
