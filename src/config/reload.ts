import { type Loader, load, type Settings } from "./load.ts";
import { type Environment, isReadBy, NAMES, type VariableName } from "./variables.ts";

/**
 * The variables that a running tier takes over. Those that are paths are read again, also if the
 * path is the same. `docs/operations.md` lists them.
 */
export const RELOADABLE: readonly VariableName[] = [
  "LOG_LEVEL",
  "ACCESS_LOG",
  "RPC_TOKEN",
  "RPC_TOKENS",
  "RPC_TLS_CERT",
  "RPC_TLS_KEY",
  "RPC_TLS_CA",
  "TRUSTED_PROXIES",
];

/**
 * The environment of a process after a reload: `next` for the variables that a running process
 * takes over, `before` for all others. A process that replaces one that has crashed gets this too,
 * so it has the same settings as the processes that still run.
 */
export function afterReload(before: Environment, next: Environment): Environment {
  const isReloadable = ([name]: [string, unknown]) => RELOADABLE.some((each) => each === name);
  const renewed = Object.entries(next).filter(isReloadable);
  const kept = Object.entries(before).filter((entry) => !isReloadable(entry));
  return Object.fromEntries([...kept, ...renewed]);
}

/** The values of variables that a running process uses. */
export class ValuesInUse {
  readonly #program: Loader<object>["program"];
  #environment: Environment;

  /** @param environment with the values of the start */
  constructor(program: Loader<object>["program"], environment: Environment) {
    this.#program = program;
    this.#environment = environment;
  }

  /**
   * The process takes over those of `next` that are reloadable.
   * @returns the variables that have changed and need a restart
   */
  renew(next: Environment): readonly VariableName[] {
    const kept = keptNames(this.#program, this.#environment, next);
    const old = Object.fromEntries(kept.map((name) => [name, this.#environment[name]]));
    this.#environment = { ...next, ...old };
    return kept;
  }
}

/** The settings of a running process, which can be read again. */
export class RunningSettings<T extends object> {
  readonly #loader: Loader<T>;
  readonly #read: () => Settings;
  readonly #inUse: ValuesInUse;

  /** @param read reads the settings again, also those of this start */
  constructor(loader: Loader<T>, { environment }: Settings, read: () => Settings) {
    this.#loader = loader;
    this.#read = read;
    this.#inUse = new ValuesInUse(loader.program, environment);
  }

  /**
   * Read the settings again, and call `apply` with their config.
   * @param given the environment that the parent has read; if undefined, this process reads
   * @returns the variables that have changed and need a restart
   * @throws {ConfigError} the settings are wrong: `apply` is not called
   */
  renew(given: Environment | undefined, apply: (config: T) => void): readonly VariableName[] {
    const { environment, origins } = given
      ? { environment: given, origins: undefined }
      : this.#read();
    apply(load(this.#loader, environment, origins));
    return this.#inUse.renew(environment);
  }
}

function keptNames(
  program: Loader<object>["program"],
  before: Environment,
  after: Environment,
): readonly VariableName[] {
  return NAMES.filter((name) => {
    if (program !== "start" && !isReadBy(name, program)) return false;
    return !RELOADABLE.includes(name) && (before[name] ?? "") !== (after[name] ?? "");
  });
}
