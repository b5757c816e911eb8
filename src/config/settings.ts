import { ConfigError, orExit, type Settings } from "./load.ts";
import { readSettingsFile, type SettingsFile } from "./settings-file.ts";
import { readTextFile } from "./text-file.ts";
import { shown } from "./values.ts";
import type { Program, Variable } from "./variable.ts";
import {
  type Environment,
  fileNameOf,
  isNeverEmpty,
  isReadBy,
  NAMES,
  type Origin,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

// The values of the variables, from wherever they are: the environment first, then the file of
// `--config`. In both, NAME_FILE is the path of a file that holds the value of NAME.

/** Linux gives a process no variable with more than 128 KiB. */
const MAX_VALUE_BYTES = 65_536;

/**
 * Read the values of the variables of one program, and no file of another's. `start` reads all.
 * Call it again to read changed files.
 * @param configPath the file of `--config`
 * @throws {ConfigError} with every problem of the files at once
 */
export function readSettings(
  program: Program | "start",
  environment: Environment,
  configPath?: string,
): Settings {
  const file = configPath === undefined ? undefined : readSettingsFile(configPath);
  const values: Record<string, string | undefined> = { ...environment };
  const origins = new Map<string, Origin>();
  const problems: string[] = [];
  for (const name of NAMES) {
    delete values[fileNameOf(name)];
    if (program !== "start" && !isReadBy(name, program)) continue;
    try {
      const found = inEnvironment(name, environment) ?? (file && inFile(name, file));
      if (found === undefined) continue;
      values[name] = found.value;
      if (found.origin) origins.set(name, found.origin);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : `${error}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return { environment: values, origins, warnings: file ? fileWarnings(file) : [] };
}

/** For a main: read the settings. If there are problems, print all on stderr and exit. */
export function settingsOrExit(
  program: Program | "start",
  environment: Environment,
  configPath?: string,
  exitCode = 1,
): Settings {
  return orExit(() => readSettings(program, environment, configPath), exitCode);
}

interface Found {
  readonly value: string;
  /** Undefined if the variable itself is in the environment. */
  readonly origin?: Origin;
}

function inEnvironment(name: VariableName, environment: Environment): Found | undefined {
  const fileName = fileNameOf(name);
  const [value, path] = [environment[name], environment[fileName]];
  if (isSet(name, path)) {
    if (isSet(name, value)) throw new Error(`${name} and ${fileName} are both set: unset one`);
    return { value: valueIn(name, path), origin: { text: `from ${fileName}`, isHidden: true } };
  }
  return isSet(name, value) ? { value } : undefined;
}

function inFile(name: VariableName, { path: file, stated }: SettingsFile): Found | undefined {
  const [own, path] = [stated.get(name), stated.get(fileNameOf(name))];
  if (path === undefined) {
    return own && { value: own.value, origin: { text: own.where, isHidden: false } };
  }
  if (own !== undefined) {
    throw new Error(`${file} has both ${name} and ${fileNameOf(name)}: remove one`);
  }
  const text = `from ${fileNameOf(name)} in ${path.where}`;
  return { value: valueIn(name, path.value, path.where), origin: { text, isHidden: true } };
}

/** An empty variable counts as not set, unless that is an error. */
function isSet(name: VariableName, value: string | undefined): value is string {
  return value !== undefined && (value.trim() !== "" || isNeverEmpty(name));
}

/** @param where the place of the path, if that is not the environment */
function valueIn(name: VariableName, path: string, where?: string): string {
  const stated = fileNameOf(name) + (where === undefined ? "" : ` (${where})`);
  const { isPath }: Variable = VARIABLES[name];
  if (isPath) throw new Error(`${stated} does not work: ${name} is a path already, so set ${name}`);
  if (path.trim() === "") throw new Error(`${stated} is empty: give it a path, or unset it`);
  try {
    const { text } = readTextFile(path.trim(), MAX_VALUE_BYTES);
    if (text.trim() === "" && isNeverEmpty(name)) throw new Error("is empty");
    return text.replace(/\r?\n$/, "");
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new Error(`${stated} names "${shown(path.trim())}", which ${why}`);
  }
}

function fileWarnings({ path, stated, isPublic }: SettingsFile): string[] {
  const secrets = NAMES.filter((name) => {
    const { isSecret }: Variable = VARIABLES[name];
    return isSecret && stated.has(name);
  });
  if (!isPublic || secrets.length === 0) return [];
  const what = `every user of this machine can read it: chmod o= ${path}`;
  return [`${path} holds ${secrets.join(" and ")}, and ${what}`];
}
