import { parseWhole } from "./values.ts";
import {
  type Environment,
  isReadBy,
  type Program,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

/** Documented variables that do not work yet: accepting them silently would pretend. */
const NOT_YET = ["METRICS_PORT"];

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

  /** A variable, if it is set; one that is empty counts as not set. */
  given(name: VariableName): string | undefined {
    if (this.#program !== "start" && !isReadBy(name, this.#program)) {
      throw new Error(`${this.#program} does not read ${name}`);
    }
    return this.#environment[name] || undefined;
  }

  /** A variable, or its default. */
  text(name: VariableName): string {
    return this.given(name) ?? VARIABLES[name].default;
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

  report(problem: string): void {
    this.#problems.add(problem);
  }

  /** @throws {ConfigError} with every problem at once */
  check(): void {
    if (this.#problems.size > 0) throw new ConfigError([...this.#problems].join("\n"));
  }
}
