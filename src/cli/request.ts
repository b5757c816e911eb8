import { type ParseError, parse } from "jsonc-parser";
import { isObject, type JsonObject } from "../rpc/json.ts";
import { UsageError } from "./usage.ts";

/** Where a request comes from that is not an argument. */
export interface Input {
  readonly isTerminal: boolean;
  /**
   * All of it.
   * @throws {RpcError} deadline_exceeded: it did not end within this time
   */
  text(timeoutMs: number): Promise<string>;
}

const EXAMPLE = `'{"name": "value"}'`;
/** Shown on either side of a mistake. */
const CONTEXT_LENGTH = 30;

/**
 * The request of a call where it can be told before a server is asked: undefined where it is not
 * on the command line and there is somebody to ask.
 * @throws {UsageError} not a JSON object
 */
export async function statedRequest(
  argument: string | undefined,
  stdin: Input,
  timeoutMs: number,
): Promise<JsonObject | undefined> {
  if (argument === undefined) return stdin.isTerminal ? {} : undefined;
  return argument === "-"
    ? await pipedRequest(stdin, timeoutMs)
    : parseRequest(argument, "the argument");
}

/**
 * All that is on stdin; nothing at all, as /dev/null has it, is the empty request.
 * @throws {UsageError} not a JSON object
 */
export async function pipedRequest(stdin: Input, timeoutMs: number): Promise<JsonObject> {
  const text = await stdin.text(timeoutMs);
  return text.trim() === "" ? {} : parseRequest(text, "stdin");
}

function parseRequest(text: string, source: string): JsonObject {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    throw new UsageError(`Cannot read the request: ${describeBreak(text, source)}`);
  }
  if (isObject(request)) return request;
  const kind = Array.isArray(request) ? "an array" : `${request === null ? null : typeof request}`;
  throw new UsageError(
    `Cannot read the request: ${source} is ${kind}, must be an object, like ${EXAMPLE}`,
  );
}

/** Line and column, the text around them, and a mark below. */
function describeBreak(text: string, source: string): string {
  // JSON.parse does not say where.
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const at = errors[0]?.offset ?? text.length;
  const before = text.slice(0, at).split("\n");
  const line = text.split("\n")[before.length - 1] ?? "";
  const column = before.at(-1)?.length ?? 0;
  const start = Math.max(0, column - CONTEXT_LENGTH);
  const what = at === text.length ? "ends before it is complete" : "is not JSON";
  return [
    `${source} ${what}, at line ${before.length}, column ${column + 1}`,
    `  ${line.slice(start, column + CONTEXT_LENGTH)}`,
    `  ${" ".repeat(column - start)}^`,
    `It must be a JSON object, which a shell wants in quotes, like ${EXAMPLE}`,
  ].join("\n");
}
