import { splitArguments, UsageError } from "./usage.ts";

/** The arguments of a command that takes one folder. */
export interface FolderArguments {
  readonly folder: string;
  /** The file of `--config`. */
  readonly configPath: string | undefined;
}

/** @throws {UsageError} there is not one folder, or an option that the command does not take */
export function parseFolderArguments(command: string, args: string[]): FolderArguments | "help" {
  const { values, positionals } = splitArguments(command, {
    args,
    options: { config: { type: "string" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) return "help";
  const [folder, ...more] = positionals;
  if (!folder || more.length > 0) {
    throw new UsageError(`It takes one folder: bun run ${command} /backup/2026-11-30`);
  }
  return { folder, configPath: values.config };
}
