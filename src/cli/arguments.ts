import { parseArgs } from "node:util";
import { type Endpoint, parseEndpoint, parseToken } from "../config-values.ts";

/** What the command was asked to do. */
export interface Arguments {
  readonly help: boolean;
  readonly verbose: boolean;
  /** `Service` or `Service.method`; undefined means everything that the server has. */
  readonly target: string | undefined;
  /** JSON, or `-` for what comes on stdin. */
  readonly request: string | undefined;
  readonly deadlineMs: number;
  readonly addresses: readonly Endpoint[] | undefined;
  readonly token: string | undefined;
}

/** The command was not understood: says what is wrong with it, and how it would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const DEFAULT_DEADLINE = "5s";
const MAX_DEADLINE_MS = 3_600_000;
const MS_OF_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000 };

/** @throws {UsageError} with every option that is wrong, a line each */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = split(args);
  const [target, request, surplus] = positionals;
  if (surplus !== undefined) {
    throw new UsageError(
      `Cannot take "${surplus}": the request is one argument. Quote it: '{"name": "value"}'`,
    );
  }
  if (target === "" || (request !== undefined && !target?.includes("."))) {
    throw new UsageError(`Cannot call "${target}": must be SERVICE.METHOD, as in System.health`);
  }
  const problems: string[] = [];
  const read = <T>(name: string, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      problems.push(`--${name} ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  };
  const parsed: Arguments = {
    help: values.help ?? false,
    verbose: values.verbose ?? false,
    target,
    request,
    deadlineMs: read("deadline", () => parseDeadline(values.deadline ?? DEFAULT_DEADLINE)) ?? 0,
    addresses: read("address", () => values.address?.split(",").map(parseEndpoint)),
    token: read("token", () => parseToken(values.token)),
  };
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  return parsed;
}

function split(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        address: { type: "string" },
        deadline: { type: "string" },
        help: { type: "boolean", short: "h" },
        token: { type: "string" },
        verbose: { type: "boolean", short: "v" },
      },
    });
  } catch (error) {
    // Its first sentence says what, the next ones how to get around it.
    const [what] = `${error instanceof Error ? error.message : error}`.split(". ");
    throw new UsageError(`${what}: see \`bun run rpc --help\``);
  }
}

function parseDeadline(value: string): number {
  const [, amount, unit = "ms"] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(value) ?? [];
  const ms = Number(amount) * (MS_OF_UNIT[unit] ?? 1);
  if (ms > 0 && ms <= MAX_DEADLINE_MS) return ms;
  throw new Error(`is "${value}": must be like 500ms or 2s, over 0 and at most 3600s`);
}
