import { type ParseArgsConfig, parseArgs } from "node:util";
import { StorageError } from "../user/stores.ts";
import { asCalled } from "./program-name.ts";

// The arguments, the output and the exit code of every command. `bun run dev` and `bun run test`
// install the packages, so no package may be imported here.

/** Exit codes of the commands, for scripts; 0 is success. The two tiers end with 1 and 2 only. */
export const ExitCode = {
  /** The command ran, and its answer is no: an error of the service, or a migration is pending. */
  negative: 1,
  /** The arguments or the environment are wrong. */
  misunderstood: 2,
  failed: 3,
} as const;

/** The arguments are wrong. The message says what is wrong, and what would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command has its result and cannot print it. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/**
 * Write a text and a line break to stdout.
 * @throws {OutputError} not everything was written
 */
export async function print(text: string): Promise<void> {
  try {
    // console.log() would not report a full disk.
    await Bun.write(Bun.stdout, `${asCalled(text)}\n`);
  } catch (error) {
    // The reader, such as `head`, has read all that it wants.
    if (error instanceof Error && "code" in error && error.code === "EPIPE") return;
    const why = error instanceof Error ? error.message : error;
    throw new OutputError(`Cannot write to stdout: ${why}`, { cause: error });
  }
}

/**
 * Split the arguments of `bun run <command>` into options and positionals. `help` alone is the same
 * as `--help`.
 * @param listed the options that the message of a mistake lists
 * @throws {UsageError} an argument that the command does not take, or an option without its value
 */
export function splitArguments<T extends ParseArgsConfig>(
  command: string,
  config: T,
  listed = Object.keys(config.options ?? {}),
) {
  const isHelp = config.args?.length === 1 && config.args[0] === "help";
  try {
    return parseArgs(isHelp ? { ...config, args: ["--help"] } : config);
  } catch (error) {
    // Node's message says what is wrong in its first sentence, and adds advice in the next ones.
    const [what = ""] = `${error instanceof Error ? error.message : error}`.split(/\.\s/);
    const options = listed.map((name) => `--${name}`).join(", ");
    const takes = options === "--help" ? "no arguments except --help" : options;
    throw new UsageError(`${withoutSecrets(what)}: \`bun run ${command}\` takes ${takes}`);
  }
}

/** Hides what follows `NAME=`, and the user and password of a URL. */
function withoutSecrets(text: string): string {
  return text.replace(/=.*'/s, "=…'").replace(/:\/\/.*@/s, "://…@");
}

/**
 * Parse the arguments of this process, a command without positionals. `--help` prints the help and
 * ends the process. A mistake ends it with exit code 2. Options that the help does not mention are
 * for our own processes.
 */
export async function optionsOrExit<T extends NonNullable<ParseArgsConfig["options"]>>(
  command: string,
  help: string,
  options: T,
) {
  const all = { ...options, help: { type: "boolean", short: "h" } } as const;
  const listed = Object.keys(all).filter((name) => name === "help" || help.includes(`--${name}`));
  try {
    const given = process.argv.slice(2);
    // The script in package.json may have put an option first.
    const args = given.at(-1) === "help" ? [...given.slice(0, -1), "--help"] : given;
    const config = { args, options: all };
    const { values } = splitArguments(command, config, listed);
    if (!("help" in values)) return values;
    await print(help);
    process.exit(0);
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

/** Print a UsageError and end the process with exit code 2; throw any other error. */
export function exitAsMisunderstood(error: unknown): never {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exit(ExitCode.misunderstood);
}

/** Progress that a command on the database prints on stderr before its own work begins. */
export const MIGRATION_NOTES = {
  waiting: (why: string) => console.error(`Waiting for the database: ${why}`),
  applying: ({ version, name }: { version: number; name: string }) =>
    console.error(`Applying migration ${version}, ${name}`),
};

/** Run a command on the database, which resolves to its exit code, as this whole process. */
export async function runDatabaseCommand(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (error instanceof UsageError) process.exitCode = ExitCode.misunderstood;
    else if (error instanceof StorageError) process.exitCode = ExitCode.failed;
    else throw error;
    console.error(error.message);
  }
}
