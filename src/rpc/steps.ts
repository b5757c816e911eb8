/** The step in which the process was stopped, or its event loop was blocked. */
export const STOOD_STILL = "the process stood still";

/** Adds up how long something is in each of its named steps. Time outside of a step is not kept. */
export class Steps {
  readonly #msByName = new Map<string, number>();
  #current: string | undefined;
  #since = 0;

  /** Begin a step, which ends the one before it. Undefined begins none. */
  enter(name: string | undefined, now = performance.now()): void {
    if (this.#current !== undefined) this.add(this.#current, now - this.#since);
    this.#current = name;
    this.#since = now;
  }

  add(name: string, ms: number): void {
    this.#msByName.set(name, (this.#msByName.get(name) ?? 0) + ms);
  }

  /** How long it has been in each step, in milliseconds; the current one counts. */
  spent(now: number): readonly (readonly [string, number])[] {
    this.enter(this.#current, now);
    return [...this.#msByName];
  }
}
