import { type ParseArgsConfig, parseArgs } from "node:util";
import { print } from "./output.ts";

/** The command was not understood: says what is wrong with it, and how it would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** How a command ends that was not understood, as a shell has it. */
export const MISUNDERSTOOD = 2;

/**
 * Split the arguments of `bun run <command>` into options and the rest. `help` alone is `--help`.
 * @param told the options that a mistake is answered with
 * @throws {UsageError} an argument that the command does not take, or an option without its value
 */
export function splitArguments<T extends ParseArgsConfig>(
  command: string,
  config: T,
  told = Object.keys(config.options ?? {}),
) {
  const isHelp = config.args?.length === 1 && config.args[0] === "help";
  try {
    return parseArgs(isHelp ? { ...config, args: ["--help"] } : config);
  } catch (error) {
    // Its first sentence says what, the next ones how to get around it.
    const [what = ""] = `${error instanceof Error ? error.message : error}`.split(/\.\s/);
    const options = told.map((name) => `--${name}`).join(", ");
    throw new UsageError(`${withoutSecrets(what)}: \`bun run ${command}\` takes ${options}`);
  }
}

/** What is repeated of an argument: not what stands behind `NAME=`, nor a password in a URL. */
function withoutSecrets(text: string): string {
  return text.replace(/=.*'/s, "=…'").replace(/:\/\/.*@/s, "://…@");
}

/**
 * The options of a command, for its main. `--help` prints the help and ends the process; so does a
 * mistake, with exit code 2. Options that the help does not mention are for our own processes.
 */
export async function optionsOrExit<T extends NonNullable<ParseArgsConfig["options"]>>(
  command: string,
  help: string,
  options: T,
) {
  const all = { ...options, help: { type: "boolean", short: "h" } } as const;
  const told = Object.keys(all).filter((name) => name === "help" || help.includes(`--${name}`));
  try {
    const given = process.argv.slice(2);
    // The script in package.json may have put an option in front.
    const args = given.at(-1) === "help" ? [...given.slice(0, -1), "--help"] : given;
    const config = { args, options: all };
    const { values } = splitArguments(command, config, told);
    if (!("help" in values)) return values;
    await print(help);
    process.exit(0);
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

/** End the process by what is wrong with its arguments; throws any other error. */
export function exitAsMisunderstood(error: unknown): never {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exit(MISUNDERSTOOD);
}
