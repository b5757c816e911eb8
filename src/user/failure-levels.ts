/** About 10 MB if all are used. */
export const MAX_LEVELS = 50_000;

interface Level {
  /** When the level has sunk to 0. */
  emptyAtMs: number;
  /** When the store was last asked for it. */
  askedAtMs: number;
  /** Until then, no line of the log says that attempts are refused. */
  quietUntilMs: number;
}

/**
 * The levels of failures of one limit that this server knows, see limits.ts. If there are too many,
 * the older half is forgotten: most of them have sunk to 0.
 */
export class FailureLevels {
  // Two maps, since finding the oldest key of one Map takes long after many deletions.
  #newer = new Map<string, Level>();
  #older = new Map<string, Level>();
  readonly #max: number;
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back */
  constructor(max = MAX_LEVELS, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  /** How many levels are kept, with those that have sunk to 0. */
  get size(): number {
    return this.#newer.size + this.#older.size;
  }

  /** The level; 0 if it is not known. */
  get(key: string): number {
    const level = this.#find(key);
    return level ? Math.max(0, level.emptyAtMs - this.#now()) : 0;
  }

  set(key: string, levelMs: number): void {
    const { askedAtMs, quietUntilMs } = this.#find(key) ?? {
      askedAtMs: this.#now(),
      quietUntilMs: 0,
    };
    this.#older.delete(key);
    if (levelMs <= 0) {
      this.#newer.delete(key);
      return;
    }
    this.#newer.set(key, { emptyAtMs: this.#now() + levelMs, askedAtMs, quietUntilMs });
    if (this.#newer.size < this.#max / 2) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }

  /** @returns true, at most once in `everyMs`, if the level is known */
  mayAsk(key: string, everyMs: number): boolean {
    const level = this.#find(key);
    if (!level || this.#now() - level.askedAtMs < everyMs) return false;
    level.askedAtMs = this.#now();
    return true;
  }

  /** @returns true once; then again after `quietMs` without a call */
  mayTell(key: string, quietMs: number): boolean {
    const level = this.#find(key);
    if (!level) return false;
    const isQuiet = this.#now() < level.quietUntilMs;
    level.quietUntilMs = this.#now() + quietMs;
    return !isQuiet;
  }

  /** Forget all levels whose keys begin like this. Takes time: it looks at all keys. */
  forget(prefix: string): void {
    for (const levels of [this.#newer, this.#older]) {
      for (const key of levels.keys()) if (key.startsWith(prefix)) levels.delete(key);
    }
  }

  /** The levels above 0 of all keys that begin like this. Takes time: it looks at all keys. */
  startingWith(prefix: string): [key: string, levelMs: number][] {
    return [this.#newer, this.#older]
      .flatMap((levels) => [...levels.keys()].filter((key) => key.startsWith(prefix)))
      .map((key): [string, number] => [key, this.get(key)])
      .filter(([, levelMs]) => levelMs > 0);
  }

  #find(key: string): Level | undefined {
    return this.#newer.get(key) ?? this.#older.get(key);
  }
}
