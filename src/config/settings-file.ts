import { parse, TomlError } from "smol-toml";
import { ConfigError } from "./load.ts";
import { nearestName } from "./lookalikes.ts";
import { readTextFile } from "./text-file.ts";
import { shown } from "./values.ts";
import type { Variable } from "./variable.ts";
import { isVariable, VARIABLES, type VariableName } from "./variables.ts";

// The file of `--config`: TOML, whose keys are the names of variables, or `NAME_FILE`.

const MAX_BYTES = 1_048_576;
/** A file of another kind may have any number of problems, and each one is looked for. */
const MAX_PROBLEMS = 20;
/** How many lines that look like a key are tried. */
const MAX_TRIES = 10;

/** What a file says of a variable, as the text that an environment variable would have. */
export interface Stated {
  readonly value: string;
  /** Such as "portico.toml, line 3". */
  readonly where: string;
}

export interface SettingsFile {
  readonly path: string;
  /** By `NAME` and `NAME_FILE`. */
  readonly stated: ReadonlyMap<string, Stated>;
  /** Whether every user of the machine can read it. */
  readonly isPublic: boolean;
}

/**
 * Read a file of settings. All keys and types are checked, also of variables that the program does
 * not read; values are not.
 * @throws {ConfigError} with every problem at once
 */
export function readSettingsFile(path: string): SettingsFile {
  const { text, isPublic } = readOrRefuse(path);
  const table = parseOrRefuse(path, text);
  const stated = new Map<string, Stated>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    if (problems.length === MAX_PROBLEMS) {
      problems.push(`${path}: there are more problems, which are told when these are mended`);
      break;
    }
    const line = lineOf(key, text);
    const where = line === undefined ? path : `${path}, line ${line}`;
    const name = key.replace(/_FILE$/, "");
    if (isVariable(name)) {
      // The value of NAME_FILE is a path.
      const { kind } = key === name ? kindOf(name) : { kind: undefined };
      const plain = plainValue(value, kind);
      if (plain !== undefined) stated.set(key, { value: plain, where });
      else problems.push(`${where}: ${key} must be ${allowed(kind)}, not ${typeName(value)}`);
    } else {
      problems.push(`${where}: ${unknownText(key, value)}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return { path, stated, isPublic };
}

function readOrRefuse(path: string) {
  try {
    return readTextFile(path, MAX_BYTES);
  } catch (error) {
    throw new ConfigError(`--config ${path} ${error instanceof Error ? error.message : error}`);
  }
}

function parseOrRefuse(path: string, text: string) {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with lines of the file, which may hold secrets.
    const [, what = ""] = /^Invalid TOML document: ([a-z ,:.-]+)$/im.exec(error.message) ?? [];
    const where = `${path}, line ${error.line}, column ${error.column}`;
    throw new ConfigError(
      `${where}: not TOML: ${what || "invalid value"}. A text is in quotes, as in NAME = "text"`,
    );
  }
}

type Kind = Variable["kind"];

function kindOf(name: VariableName): { kind: Kind } {
  const { kind, default: standard }: Variable = VARIABLES[name];
  return { kind: kind ?? (/^\d+$/.test(standard) ? "number" : undefined) };
}

/** The value as an environment variable would have it; undefined if its type is wrong. */
function plainValue(value: unknown, kind: Kind): string | undefined {
  if (typeof value === "string") return value;
  if (kind === "number" && typeof value === "number") return `${value}`;
  if (kind === "list" && Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return value.join();
  }
  if ((kind === "on" || kind === "off") && typeof value === "boolean") {
    return value === (kind === "on") ? kind : "";
  }
  return undefined;
}

function allowed(kind: Kind): string {
  if (kind === "number") return "a number or a string";
  if (kind === "list") return "a string or an array of strings";
  return kind === undefined ? "a string" : "true, false or a string";
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) {
    const [other] = value.filter((each) => typeof each !== "string");
    return other === undefined ? "an array" : `an array of ${typeof other}s`;
  }
  if (value instanceof Date) return "a date";
  return isTable(value) ? "a table" : `a ${typeof value}`;
}

/** The parser makes tables that are no instances of Object. */
function isTable(value: unknown): boolean {
  return typeof value === "object" && !(value instanceof Date) && !Array.isArray(value);
}

function unknownText(key: string, value: unknown): string {
  if (isTable(value))
    return `there is no table "${shown(key)}": every setting is like HTTP_PORT = 8080`;
  const nearest = nearestName(key);
  const hint = nearest === undefined ? "docs/configuration.md has all" : `did you mean ${nearest}?`;
  return `"${shown(key)}" is no variable of Portico: ${hint}`;
}

/**
 * The number of the line that begins with a key. The parser does not tell. In the lines of a longer
 * string, such a beginning is no key: what stands before it is not complete.
 */
function lineOf(key: string, text: string): number | undefined {
  const escaped = RegExp.escape(key);
  const isKey = new RegExp(`^\\s*(\\[+\\s*)?(["']?)${escaped}\\2\\s*[=.\\]]`);
  const lines = text.split("\n");
  let tries = 0;
  for (const [at, line] of lines.entries()) {
    if (!isKey.test(line)) continue;
    if (++tries > MAX_TRIES) return undefined;
    if (isComplete(lines.slice(0, at).join("\n"))) return at + 1;
  }
  return undefined;
}

function isComplete(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
