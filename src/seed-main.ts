// Fills the user table with test users. `bun run seed --help`

import { DEFAULT_PROFILE_PATH } from "../schema/picture.ts";
import { MIGRATION_NOTES, runDatabaseCommand } from "./cli/database-command.ts";
import { count, duration, Progress, rateOf } from "./cli/progress.ts";
import { parseSeedArguments, SEED_HELP } from "./cli/seed-arguments.ts";
import { loadForCommand } from "./config/command.ts";
import { SEED, type SeedConfig } from "./config/storage.ts";
import type { Seed, SeedProgress } from "./storage/seed.ts";
import { userDatabase } from "./storage/user-database.ts";
import {
  createTestUsers,
  MAX_TEST_USERS,
  TEST_PASSWORDS,
  type TestUsers,
  testUsername,
} from "./user/test-users.ts";

/** As a shell has it: 128 and the number of the signal. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Far more than a transaction takes. */
const STOP_GRACE_MS = 10_000;

interface Stop {
  exitCode?: number;
}

/** The first signal to stop counts: a process group and its parent may both pass one on. */
function listenForStop(): Stop {
  const stop: Stop = {};
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const code = SIGNAL_EXIT_CODES[signal];
      stop.exitCode ??= code;
      // A database that hangs may never be through; what was sent to it is rolled back.
      setTimeout(() => process.exit(code), STOP_GRACE_MS).unref();
    });
  }
  return stop;
}

/** Fill the database until it has `users` test users, or is told to stop. */
async function seedUsers(users: number, config: SeedConfig): Promise<number> {
  const seed = await userDatabase(config).openSeed(testUsername, MIGRATION_NOTES);
  // Only now: while it waits for the database, a signal simply ends it.
  const stop = listenForStop();
  try {
    const before = await seed.progress();
    if (before.next >= users) {
      console.log(`Nothing to do: ${describe(users, before, seed)}`);
      return 0;
    }
    const already = before.next === 0 ? "" : `, ${count(before.next)} of which are there`;
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
    console.log(`To go on: bun run seed --users ${users}`);
    return stop.exitCode ?? 0;
  } finally {
    await seed.close();
  }
}

async function makeTestUsers(users: number, { passwordHash }: SeedConfig): Promise<TestUsers> {
  const beganAtMs = performance.now();
  const userOf = await createTestUsers(passwordHash, DEFAULT_PROFILE_PATH);
  if (passwordHash.name === "argon2id" && users > TEST_PASSWORDS) {
    const seconds = ((performance.now() - beganAtMs) / 1000) * (users / TEST_PASSWORDS);
    console.error(
      `argon2id: ${count(users)} hashes would take about ${duration(seconds)}. ` +
        `The users share ${TEST_PASSWORDS}, one for each password`,
    );
  }
  return userOf;
}

async function fill(
  seed: Seed,
  before: SeedProgress,
  { users, userOf }: { users: number; userOf: TestUsers },
  stop: Stop,
): Promise<SeedProgress> {
  const progress = new Progress(users, before.next, process.stderr);
  let reached = before;
  try {
    while (reached.next < users && stop.exitCode === undefined) {
      reached = await seed.advance(users, userOf);
      progress.update(Math.min(reached.next, users));
      // What is written to SQLite is written at once: signals are heard only in between.
      await Bun.sleep(0);
    }
  } finally {
    progress.end();
  }
  return reached;
}

function describe(users: number, { taken }: SeedProgress, { database }: Seed): string {
  const were = taken === 1 ? "1 name was" : `${count(taken)} names were`;
  const left = taken === 0 ? "" : `; ${were} taken before and left as found`;
  const who = users === 0 ? "no users" : `test0 to test${users - 1}`;
  return `${who} are in ${database}${left}`;
}

if (import.meta.main) {
  await runDatabaseCommand(async () => {
    const users = parseSeedArguments(process.argv.slice(2), MAX_TEST_USERS);
    if (users !== "help") return seedUsers(users, loadForCommand(SEED, process.env));
    console.log(SEED_HELP);
    return 0;
  });
}
