import { parseWhole } from "../config/values.ts";
import { splitArguments, UsageError } from "./usage.ts";

export const SEED_HELP = `Fill the user table with test users, for load tests.

  bun run seed --users N

User n, from 0 to N-1, is test<n> with the password testpassword<n mod 10>,
stored as PASSWORD_HASH says. Everybody knows these passwords: this is not for a
database that people use.

It fills the database that DATABASE_URL names, else SQLite in DATA_DIR. It may be
stopped, or killed, at any time: run again, it goes on where it stopped. Several
may run at once, and beside a server: on SQLite they take turns, and one that
gets none for a minute ends with 3. A name that is taken is left to its user.

Options
  --users N    how many users there shall be in all, from 1 to 1,000,000,000
  -h, --help   this text

Exit codes:
  0    all users are there
  2    not understood: arguments or environment
  3    the database failed; run it again
  130  stopped by Ctrl-C (SIGINT)
  143  stopped by SIGTERM`;

/**
 * @returns how many users there shall be, or "help"
 * @throws {UsageError} what is wrong with the arguments
 */
export function parseSeedArguments(args: readonly string[], maxUsers: number): number | "help" {
  const { values } = splitArguments("seed", {
    args: [...args],
    options: { users: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) return "help";
  if (values.users === undefined) {
    throw new UsageError("--users is missing: bun run seed --users 10000");
  }
  try {
    return parseWhole(values.users, 1, maxUsers);
  } catch (error) {
    throw new UsageError(`--users ${error instanceof Error ? error.message : error}`);
  }
}
