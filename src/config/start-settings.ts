import { load } from "./load.ts";
import { readSettings } from "./settings.ts";
import { START, type StartConfig, type TierEnvironments, tierEnvironments } from "./start.ts";
import type { Environment } from "./variables.ts";

/** All that `bun run start` and `bun run dev` need to start their tiers. */
export interface StartSettings {
  readonly config: StartConfig;
  /** The environment with the values of the variables, wherever they come from. */
  readonly environment: Environment;
  /** What the processes of each tier get: flat variables, without paths of our files. */
  readonly environments: TierEnvironments;
  /** Problems of the files, for the operator. Those of the tokens are in `environments`. */
  readonly warnings: readonly string[];
}

/**
 * Read everything again from the environment and the files: at the start, and at each reload.
 * @param configPath the file of `--config`
 * @param defaults values of variables that are set nowhere
 * @throws {ConfigError} with problems, if there are any; nothing is changed then
 */
export function readStartSettings(
  given: Environment,
  configPath?: string,
  defaults: Environment = {},
): StartSettings {
  const settings = readSettings("start", given, configPath);
  const environment = { ...defaults, ...settings.environment };
  const config = load(START, environment, settings.origins);
  const environments = tierEnvironments(config, environment);
  return { config, environment, environments, warnings: settings.warnings };
}
