import { type Loader, loadOrExit } from "./load.ts";
import { lookalikes, lookalikeText } from "./lookalikes.ts";
import type { Environment } from "./variables.ts";

/** How a command ends whose environment is wrong, as a shell has it. */
const MISUNDERSTOOD = 2;

/** The config of a command for people, who are told on stderr what is wrong, or may be. */
export function loadForCommand<T extends object>(
  loader: Loader<T>,
  environment: Environment,
): Readonly<T> {
  tellLookalikes(environment);
  return loadOrExit(loader, environment, MISUNDERSTOOD);
}

/** On stderr, a line each. */
export function tellLookalikes(environment: Environment): void {
  for (const each of lookalikes(environment)) console.error(lookalikeText(each));
}
