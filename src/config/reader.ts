import { parseWhole, shown } from "./values.ts";
import {
  type Environment,
  isNeverEmpty,
  isReadBy,
  type Program,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

/** Documented variables that do not work yet: accepting them silently would pretend. */
export const NOT_YET: readonly string[] = ["METRICS_PORT"];

/** Everything that is wrong with the environment, by variable name, a line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the variables of one program, and keeps what is wrong with them. */
export class EnvironmentReader {
  readonly #program: Program | "start";
  readonly #environment: Environment;
  /** What several parts of a config read is wrong once. */
  readonly #problems = new Set<string>();

  constructor(program: Program | "start", environment: Environment) {
    this.#program = program;
    this.#environment = environment;
    for (const name of NOT_YET) {
      if (environment[name]) this.report(`${name} does not work yet: unset it`);
    }
  }

  /** Whether this is for production, as `bun run start` and its kin are. */
  get isProduction(): boolean {
    return this.#environment.NODE_ENV === "production";
  }

  /** A variable without the blanks around it, if it is set; one that is empty counts as not set. */
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

  /** Whether it is there at all, be it wrong or empty. */
  has(name: VariableName): boolean {
    return this.#environment[name] !== undefined;
  }

  /** A variable, or its default. */
  text(name: VariableName): string {
    return this.given(name) ?? VARIABLES[name].default;
  }

  /** Read a variable that has no default; undefined where it is not set, or wrong. */
  readGiven<T>(name: VariableName, parse: (value: string) => T): T | undefined {
    const value = this.given(name);
    return value === undefined ? undefined : this.read(name, undefined, () => parse(value));
  }

  /** Read a variable that has one value besides none: whether it has that. */
  isOn(name: VariableName, on: string): boolean {
    const value = this.given(name);
    if (value !== undefined && value !== on) {
      this.report(`${name} is "${shown(value)}": must be ${on}, or not set`);
    }
    return value === on;
  }

  /** Read one variable; what `parse` throws becomes a problem under the variable's name. */
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

  /** What `read` returns; what is wrong with what a variable points to becomes a problem. */
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
    this.#problems.add(problem);
  }

  /** @throws {ConfigError} with every problem at once */
  check(): void {
    if (this.#problems.size > 0) throw new ConfigError([...this.#problems].join("\n"));
  }
}
