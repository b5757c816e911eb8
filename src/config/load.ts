import { parseWhole, shown } from "./values.ts";
import type { Program } from "./variable.ts";
import {
  type Environment,
  isNeverEmpty,
  isReadBy,
  type Origins,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

/** Everything that is wrong with the environment, one line for each variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The values of the variables, wherever they come from. `readSettings()` makes it. */
export interface Settings {
  /** The variables, and those of other software. NAME_FILE is in NAME already. */
  readonly environment: Environment;
  readonly origins: Origins;
  /** Problems of the files, for the operator. */
  readonly warnings: readonly string[];
}

/** Reads the variables of one program, and collects their problems. */
export class EnvironmentReader {
  readonly #program: Program | "start";
  readonly #environment: Environment;
  readonly #origins: Origins;
  /** A set, because several parts of a config may read the same variable. */
  readonly #problems = new Set<string>();

  constructor(program: Program | "start", environment: Environment, origins: Origins = new Map()) {
    this.#program = program;
    this.#environment = environment;
    this.#origins = origins;
  }

  /** Whether this is a production process: the scripts `start…` set NODE_ENV. */
  get isProduction(): boolean {
    return this.#environment.NODE_ENV === "production";
  }

  /** The value, without leading and trailing blanks. An empty variable counts as not set. */
  given(name: VariableName): string | undefined {
    if (this.#program !== "start" && !isReadBy(name, this.#program)) {
      throw new Error(`${this.#program} does not read ${name}`);
    }
    const value = this.#environment[name]?.trim();
    if (value === "" && isNeverEmpty(name)) {
      const otherwise = VARIABLES[name].default.replaceAll("`", "");
      this.report(`${name} is empty: give it a value, or unset it (default: ${otherwise})`);
    }
    return value || undefined;
  }

  /** Whether the variable is set at all, even if it is wrong or empty. */
  has(name: VariableName): boolean {
    return this.#environment[name] !== undefined;
  }

  /** The value, or the default. */
  text(name: VariableName): string {
    return this.given(name) ?? VARIABLES[name].default;
  }

  /** Read a variable that has no default; undefined if it is not set or wrong. */
  readGiven<T>(name: VariableName, parse: (value: string) => T): T | undefined {
    const value = this.given(name);
    return value === undefined ? undefined : this.read(name, undefined, () => parse(value));
  }

  /** Whether a variable has the value `on`, which is the only valid one. */
  isOn(name: VariableName, on: string): boolean {
    const value = this.given(name);
    if (value !== undefined && value !== on) {
      this.report(`${name} is "${shown(value)}": must be ${on}, or not set`);
    }
    return value === on;
  }

  /** Read one variable; an error of `parse` becomes a problem of this variable. */
  read<T>(name: VariableName, fallback: T, parse: (value: string) => T): T {
    try {
      return parse(this.text(name));
    } catch (error) {
      this.report(`${name} ${error instanceof Error ? error.message : error}`);
      return fallback;
    }
  }

  whole(name: VariableName, lowest: number, highest: number): number {
    return this.read(name, lowest, (value) => parseWhole(value, lowest, highest));
  }

  /** Return what `read` returns. If it throws a ConfigError, report that and return undefined. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.report(error.message);
      return undefined;
    }
  }

  report(problem: string): void {
    const [name = ""] = /^[A-Z\d_]+/.exec(problem) ?? [];
    const origin = this.#origins.get(name);
    if (!origin) {
      this.#problems.add(problem);
      return;
    }
    const rest = problem.slice(name.length);
    // Messages quote what they repeat of a value.
    const what = origin.isHidden ? rest.replace(/".*"/s, '"…"') : rest;
    this.#problems.add(`${name} (${origin.text})${what}`);
  }

  /** @throws {ConfigError} with every problem at once */
  check(): void {
    if (this.#problems.size > 0) throw new ConfigError([...this.#problems].join("\n"));
  }
}

/** Reads the config of one program from its environment. */
export interface Loader<T extends object> {
  readonly program: Program | "start";
  read(reader: EnvironmentReader): T;
}

/** @throws {ConfigError} with every problem at once, without values that may be secret */
export function load<T extends object>(
  loader: Loader<T>,
  environment: Environment,
  origins?: Origins,
): Readonly<T> {
  const reader = new EnvironmentReader(loader.program, environment, origins);
  const config = loader.read(reader);
  reader.check();
  return Object.freeze(config);
}

/** For a main: load a config. If there are problems, print all on stderr and exit. */
export function loadOrExit<T extends object>(
  loader: Loader<T>,
  { environment, origins }: Settings,
  exitCode = 1,
): Readonly<T> {
  return orExit(() => load(loader, environment, origins), exitCode);
}

/** Return what `read` returns. If it throws a ConfigError, print that on stderr and exit. */
export function orExit<T>(read: () => T, exitCode = 1): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(exitCode);
  }
}
