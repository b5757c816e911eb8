import { type ParseError, parse } from "jsonc-parser";
import { isObject, type JsonObject } from "../rpc/json.ts";
import { UsageError } from "./usage.ts";

/** Where a request comes from that is not an argument. */
export interface Input {
  readonly isTerminal: boolean;
  text(): Promise<string>;
}

const EXAMPLE = `'{"name": "value"}'`;
/** Shown on either side of a mistake. */
const CONTEXT_LENGTH = 30;

/**
 * The request of a call: from its argument, or from stdin where that is `-` or absent. Nothing at
 * all, as /dev/null has it or a terminal where none is asked for, is the empty request.
 * @throws {UsageError} not a JSON object
 */
export async function readRequest(argument: string | undefined, stdin: Input): Promise<JsonObject> {
  if (argument === undefined && stdin.isTerminal) return {};
  if (argument !== undefined && argument !== "-") return parseRequest(argument, "the argument");
  const text = await stdin.text();
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
