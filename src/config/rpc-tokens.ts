import { CALLER_NAME, DEFAULT_CALLER } from "../../schema/callers.ts";
import type { EnvironmentReader } from "./load.ts";
import { parseToken } from "./values.ts";

/** The tokens of each caller, by its name. All tokens of a caller are valid. */
export type CallerTokens = ReadonlyMap<string, readonly string[]>;

interface Entry {
  readonly caller: string;
  readonly token: string;
}

/** Each connection costs a server one proof a token, before the client has proved anything. */
const MAX_TOKENS = 8;

/** RPC_TOKEN, which is a token of "http", and RPC_TOKENS. */
export function readRpcTokens(reader: EnvironmentReader): CallerTokens {
  const token = reader.readGiven("RPC_TOKEN", parseToken);
  const own = token === undefined ? [] : [{ caller: DEFAULT_CALLER, token }];
  const given = reader.readGiven("RPC_TOKENS", parseRpcTokens) ?? [];
  const entries = [...own, ...given];
  const shared = entries.find((one) => entries.some((other) => isShared(one, other)));
  if (shared) reader.report("RPC_TOKENS gives one secret to two callers: each must have its own");
  return byCaller(entries);
}

/**
 * Parse `name:secret,name:secret`.
 * @throws {Error} without any part of the value, since a secret could stand anywhere in it
 */
export function parseRpcTokens(value: string): readonly Entry[] {
  const entries = value.split(",").map((part, index) => {
    const [, caller = "", token = ""] = /^\s*([^:]*):(.*?)\s*$/s.exec(part) ?? [];
    if (!CALLER_NAME.test(caller)) {
      throw new Error(`must be like http:SECRET,admin:SECRET; entry ${index + 1} has no such name`);
    }
    return { caller, token: secretOf(token, index + 1) };
  });
  for (const [caller, tokens] of byCaller(entries)) {
    if (tokens.length > MAX_TOKENS) {
      throw new Error(`has ${tokens.length} secrets for ${caller}: at most ${MAX_TOKENS}`);
    }
  }
  return entries;
}

function secretOf(token: string, position: number): string {
  try {
    return parseToken(token);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error} in entry ${position}`);
  }
}

function isShared(one: Entry, other: Entry): boolean {
  return one.token === other.token && one.caller !== other.caller;
}

function byCaller(entries: readonly Entry[]): CallerTokens {
  const tokens = new Map<string, string[]>();
  for (const { caller, token } of entries) {
    const known = tokens.get(caller) ?? [];
    if (!known.includes(token)) tokens.set(caller, [...known, token]);
  }
  return tokens;
}
