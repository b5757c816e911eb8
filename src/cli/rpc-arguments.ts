import { type Endpoint, parseEndpoint } from "../config/hosts.ts";
import { parseCaller, parseToken, shown } from "../config/values.ts";
import { splitArguments, UsageError } from "./usage.ts";

/** The arguments of `bun run rpc`. */
export interface RpcArguments {
  readonly help: boolean;
  readonly verbose: boolean;
  /** `Service` or `Service.method`; undefined means all services. */
  readonly target: string | undefined;
  /** JSON, or `-` for stdin. */
  readonly request: string | undefined;
  readonly deadlineMs: number;
  readonly addresses: readonly Endpoint[] | undefined;
  /** The file of `--config`. */
  readonly configPath: string | undefined;
  /** As whom to call. */
  readonly caller: string | undefined;
  readonly token: string | undefined;
}

const DEFAULT_DEADLINE = "5s";
const MAX_DEADLINE_MS = 3_600_000;
const MS_OF_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000 };

/** @throws {UsageError} one line for each option that is wrong */
export function parseRpcArguments(args: readonly string[]): RpcArguments {
  const { values, positionals } = splitArguments("rpc", {
    args: [...args],
    allowPositionals: true,
    options: {
      address: { type: "string" },
      caller: { type: "string" },
      config: { type: "string" },
      deadline: { type: "string" },
      help: { type: "boolean", short: "h" },
      token: { type: "string" },
      verbose: { type: "boolean", short: "v" },
    },
  });
  const [target, request, surplus] = positionals;
  if (surplus !== undefined) {
    throw new UsageError(
      `Cannot take "${shown(surplus)}": the request is one argument. Quote it: '{"name": "value"}'`,
    );
  }
  if (target === "" || (request !== undefined && !target?.includes("."))) {
    throw new UsageError(
      `Cannot call "${shown(target ?? "")}": must be SERVICE.METHOD, as in System.health`,
    );
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
  const parsed: RpcArguments = {
    help: values.help ?? false,
    verbose: values.verbose ?? false,
    target,
    request,
    deadlineMs: read("deadline", () => parseDeadline(values.deadline ?? DEFAULT_DEADLINE)) ?? 0,
    configPath: values.config,
    addresses: read("address", () => values.address?.split(",").map(parseEndpoint)),
    caller: read("caller", () =>
      values.caller === undefined ? undefined : parseCaller(values.caller),
    ),
    token: read("token", () => (values.token === undefined ? undefined : parseToken(values.token))),
  };
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  return parsed;
}

function parseDeadline(value: string): number {
  const [, amount, unit = "ms"] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(value) ?? [];
  const ms = Number(amount) * (MS_OF_UNIT[unit] ?? 1);
  if (ms > 0 && ms <= MAX_DEADLINE_MS) return ms;
  throw new Error(`is "${value}": must be like 500ms or 2s, more than 0 and at most 3600s`);
}
