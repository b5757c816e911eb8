import type { Log } from "../rpc/log.ts";
import { FailureLevels } from "./failure-levels.ts";
import {
  blockedMs,
  failuresLeft,
  highestLevelMs,
  LIMITS,
  type Limit,
  LimitCounts,
  levelAfterFailureMs,
} from "./limits.ts";
import type { FailureCount, FailureStore } from "./stores.ts";

/** If attempts are refused, the store is asked this often whether that still holds. */
const ASK_EVERY_MS = 5_000;

/** So many counts of a subject are shown at most. */
const MAX_SHOWN = 100;

/** What is known of a counter. */
export interface CountedFailures {
  readonly counter: Counter;
  readonly failures: number;
  /** How long until an attempt is allowed; 0 if it is allowed now. */
  readonly blockedMs: number;
}

/** A count of failures with its limit. */
export class Counter implements FailureCount {
  readonly limit: Limit;
  readonly subject: string;
  readonly key: string;
  readonly detail: string;

  constructor(limit: Limit, subject: string, detail: string) {
    this.limit = limit;
    this.subject = subject;
    this.key = keyOf(subject, limit, detail);
    this.detail = detail;
  }

  // Only a failure needs these.
  get name(): string {
    return nameOf(this.limit, this.detail);
  }

  get everyMs(): number {
    return this.limit.everyMs;
  }

  get highestMs(): number {
    return highestLevelMs(this.limit);
  }
}

/** @param detail names the counter among those of the subject with the same limit */
export function counterOf(limit: Limit, subject: string, detail = ""): Counter {
  return new Counter(limit, subject, detail);
}

function nameOf({ name }: Limit, detail: string): string {
  return `${name}:${detail}`;
}

/** Subjects contain no line break: usernames and addresses have none. */
function keyOf(subject: string, limit: Limit, detail: string): string {
  return `${prefixOf(subject)}${nameOf(limit, detail)}`;
}

function prefixOf(subject: string): string {
  return `${subject}\n`;
}

/**
 * The failures that this server knows of. A failure is counted here and in the store, which all
 * servers share. Its answer tells what the other servers have counted. If there is no answer, this
 * server goes by its own count. An attempt that is allowed asks the store nothing.
 */
export class Failures {
  /** By the name of the limit. */
  readonly #levels = new Map<string, FailureLevels>();
  readonly #now: (() => number) | undefined;
  /** Passwords that are being checked, by counter. */
  readonly #running = new Map<string, number>();
  readonly #store: FailureStore | undefined;
  readonly #log: Log;
  /** Failures that were counted here, and attempts that were refused. */
  readonly charged = new LimitCounts();
  readonly refused = new LimitCounts();

  /**
   * @param store undefined: this server is the only one
   * @param now as in FailureLevels
   */
  constructor(store: FailureStore | undefined, log: Log, now?: () => number) {
    this.#store = store;
    this.#log = log;
    this.#now = now;
  }

  /** How many levels are kept. */
  get size(): number {
    return this.#levels.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** How long until an attempt is allowed by this counter; 0 if it is allowed now. */
  blockedMs(counter: Counter): number {
    return blockedMs(counter.limit, this.#level(counter));
  }

  /** Whether a failure has not sunk to 0 yet. */
  hasFailed(counter: Counter): boolean {
    return this.#level(counter) > 0;
  }

  /**
   * @returns a counter of which so many checks are running that all of them could be wrong;
   *   undefined if there is none, and another check may run
   */
  busy(counters: readonly Counter[]): Counter | undefined {
    if (this.#running.size === 0) return undefined;
    return counters.find(
      (counter) =>
        (this.#running.get(counter.key) ?? 0) >=
        Math.min(counter.limit.atOnce, failuresLeft(counter.limit, this.#level(counter))),
    );
  }

  /** Count the check of a password as running, until `end`. */
  begin(counters: readonly Counter[]): void {
    for (const { key } of counters) this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
  }

  end(counters: readonly Counter[]): void {
    for (const { key } of counters) {
      const others = (this.#running.get(key) ?? 1) - 1;
      if (others > 0) this.#running.set(key, others);
      else this.#running.delete(key);
    }
  }

  /**
   * Count a failure, here at once, and in the store by the time that this resolves.
   * @returns the counters by which attempts are refused from now on, once for a series of blocks
   */
  async charge(counters: readonly Counter[]): Promise<Counter[]> {
    const local = counters.map((counter) => {
      const levelMs = levelAfterFailureMs(counter.limit, this.#level(counter));
      this.#levelsOf(counter).set(counter.key, levelMs);
      this.charged.add(counter);
      return levelMs;
    });
    const stored = await this.#ask("count a failure", (store) => store.charge(counters));
    return counters.filter((counter, index) => {
      const { key, limit } = counter;
      const levels = this.#levelsOf(counter);
      const storedMs = stored?.[index];
      if (storedMs !== undefined) levels.set(key, Math.max(storedMs, levels.get(key)));
      const levelMs = storedMs ?? local[index] ?? 0;
      if (blockedMs(limit, levelMs) === 0) return false;
      const burstMs = limit.burst * limit.everyMs;
      // Of several servers, only the one that counted the last allowed failure tells of the block.
      return levels.mayTell(key, burstMs) && levelMs <= burstMs;
    });
  }

  /**
   * Ask the store about counters that refuse attempts here, unless it was asked a moment ago. So an
   * operator who lifts a block lifts it on all servers.
   */
  async refresh(counters: readonly Counter[]): Promise<void> {
    if (!this.#store) return;
    const asked = counters.filter(
      (counter) =>
        this.blockedMs(counter) > 0 && this.#levelsOf(counter).mayAsk(counter.key, ASK_EVERY_MS),
    );
    if (asked.length === 0) return;
    const levels = await this.#ask("read failures", (store) => store.levels(asked));
    for (const [index, levelMs] of (levels ?? []).entries()) {
      const counter = asked[index];
      if (counter) this.#levelsOf(counter).set(counter.key, levelMs);
    }
  }

  /**
   * The counts of a subject that are not 0, as the store has them.
   * @param shared come first. Of other counters, those that this server knows of are found, the
   *   highest first.
   */
  async list(subject: string, shared: readonly Counter[]): Promise<CountedFailures[]> {
    const prefix = prefixOf(subject);
    const own = Object.values(LIMITS).flatMap((limit) =>
      (this.#levels.get(limit.name)?.startingWith(prefix) ?? []).map(([key, levelMs]) => ({
        counter: counterOf(limit, subject, key.slice(prefix.length + nameOf(limit, "").length)),
        levelMs,
      })),
    );
    const sharedKeys = new Set(shared.map(({ key }) => key));
    const others = own
      .filter(({ counter }) => !sharedKeys.has(counter.key))
      .sort((one, other) => other.levelMs - one.levelMs)
      .map(({ counter }) => counter);
    const counters = [...shared, ...others].slice(0, MAX_SHOWN);
    const stored = await this.#ask("read failures", (store) => store.levels(counters));
    return counters
      .map((counter, index) => {
        const levelMs = stored?.[index] ?? this.#level(counter);
        const failures = Math.ceil(levelMs / counter.limit.everyMs);
        return { counter, failures, blockedMs: blockedMs(counter.limit, levelMs) };
      })
      .filter(({ failures }) => failures > 0);
  }

  /** Forget all failures of a subject. @throws {StorageError} the other servers keep them */
  async lift(subject: string): Promise<void> {
    for (const levels of this.#levels.values()) levels.forget(prefixOf(subject));
    await this.#store?.lift(subject);
  }

  #level(counter: Counter): number {
    return this.#levelsOf(counter).get(counter.key);
  }

  /**
   * Each limit has levels of its own. So invented names from many addresses, which cost an attacker
   * little, make the server forget only addresses, and no account.
   */
  #levelsOf({ limit }: Counter): FailureLevels {
    const known = this.#levels.get(limit.name);
    if (known) return known;
    const created = new FailureLevels(undefined, this.#now);
    this.#levels.set(limit.name, created);
    return created;
  }

  /** @returns undefined if there is no store, or it has failed */
  #ask<T>(what: string, ask: (store: FailureStore) => Promise<T>): Promise<T | undefined> {
    if (!this.#store) return Promise.resolve(undefined);
    return ask(this.#store).catch((err: unknown) => {
      this.#log.debug({ err }, `cannot ${what} in the store: this server goes by its own count`);
      return undefined;
    });
  }
}
