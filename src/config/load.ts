import { ConfigError, EnvironmentReader } from "./reader.ts";
import type { Environment, Program } from "./variables.ts";

/** What a program reads of its environment. */
export interface Loader<T extends object> {
  readonly program: Program | "start";
  read(reader: EnvironmentReader): T;
}

/** @throws {ConfigError} with every problem at once; values that may be secret are not repeated */
export function load<T extends object>(loader: Loader<T>, environment: Environment): Readonly<T> {
  const reader = new EnvironmentReader(loader.program, environment);
  const config = loader.read(reader);
  reader.check();
  return Object.freeze(config);
}

/** For a main: the config, or every problem on stderr and the end, by default with exit code 1. */
export function loadOrExit<T extends object>(
  loader: Loader<T>,
  environment: Environment,
  exitCode = 1,
): Readonly<T> {
  return orExit(() => load(loader, environment), exitCode);
}

/** What `read` returns; where it ends with a ConfigError, that on stderr and the end. */
export function orExit<T>(read: () => T, exitCode = 1): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(exitCode);
  }
}
