import { isatty } from "node:tty";
import { type ParseError, parse } from "jsonc-parser";
import { RpcError } from "../rpc/error.ts";
import { isObject, type JsonObject } from "../rpc/json.ts";
import { UsageError } from "./usage.ts";

const EXAMPLE = `'{"name": "value"}'`;
/** How many characters are shown on either side of a mistake. */
const CONTEXT_LENGTH = 30;
const STDIN_HINT_MS = 1000;

export const isStdinTerminal = isatty(0);

/**
 * The request that the command line determines. Undefined if it is not there and may be on stdin:
 * whether the method takes a request is then for the server to say.
 * @throws {UsageError} not a JSON object
 * @throws {RpcError} deadline_exceeded: stdin did not end in time
 */
export async function statedRequest(
  argument: string | undefined,
  timeoutMs: number,
): Promise<JsonObject | undefined> {
  if (argument === undefined) return isStdinTerminal ? {} : undefined;
  return argument === "-" ? await pipedRequest(timeoutMs) : parseRequest(argument, "the argument");
}

/**
 * The request on stdin. An empty stdin, such as /dev/null, is the empty request.
 * @throws {UsageError} not a JSON object
 * @throws {RpcError} deadline_exceeded: stdin did not end in time
 */
export async function pipedRequest(timeoutMs: number): Promise<JsonObject> {
  const text = await readStdin(timeoutMs);
  return text.trim() === "" ? {} : parseRequest(text, "stdin");
}

async function readStdin(timeoutMs: number): Promise<string> {
  const reader = Bun.stdin.stream().getReader();
  const hint = setTimeout(() => console.error("Reading the request from stdin"), STDIN_HINT_MS);
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    reader.cancel(); // An open reader keeps the process alive.
  }, timeoutMs);
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
  }
  clearTimeout(hint);
  clearTimeout(limit);
  if (!isLate) return text + decoder.decode();
  const why = "stdin has not ended before the deadline";
  throw new RpcError("deadline_exceeded", `Cannot read the request: ${why}`, { processed: false });
}

function parseRequest(text: string, source: string): JsonObject {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    throw new UsageError(`Cannot read the request: ${describeMistake(text, source)}`);
  }
  if (isObject(request)) return request;
  const kind = Array.isArray(request) ? "an array" : `${request === null ? null : typeof request}`;
  throw new UsageError(
    `Cannot read the request: ${source} is ${kind}, must be an object, like ${EXAMPLE}`,
  );
}

/**
 * Line and column of a mistake. For an argument, which is on the screen already, also the text
 * around it: a request on stdin may hold a password.
 */
function describeMistake(text: string, source: string): string {
  // JSON.parse does not report the position.
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true });
  const at = errors[0]?.offset ?? text.length;
  const before = text.slice(0, at).split("\n");
  const line = text.split("\n")[before.length - 1] ?? "";
  const column = before.at(-1)?.length ?? 0;
  const start = Math.max(0, column - CONTEXT_LENGTH);
  const what = at === text.length ? "ends before it is complete" : "is not JSON";
  const textAround = [
    `  ${line.slice(start, column + CONTEXT_LENGTH)}`,
    `  ${" ".repeat(column - start)}^`,
  ];
  return [
    `${source} ${what}, at line ${before.length}, column ${column + 1}`,
    ...(source === "stdin" ? [] : textAround),
    `It must be a JSON object, in quotes for the shell, like ${EXAMPLE}`,
  ].join("\n");
}
