import { type ParseArgsConfig, parseArgs } from "node:util";

/** The command was not understood: says what is wrong with it, and how it would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Split the arguments of `bun run <command>` into options and the rest.
 * @throws {UsageError} an option that the command does not have, or without its value
 */
export function splitArguments<T extends ParseArgsConfig>(command: string, config: T) {
  try {
    return parseArgs(config);
  } catch (error) {
    // Its first sentence says what, the next ones how to get around it.
    const [what] = `${error instanceof Error ? error.message : error}`.split(/\.\s/);
    throw new UsageError(`${what}: see \`bun run ${command} --help\``);
  }
}
