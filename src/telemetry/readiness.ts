import type { Log } from "../rpc/log.ts";
import type { Part } from "./system.ts";

/** The answer of a check is given again for this long: probes must not load what they ask. */
const RECENT_MS = 1000;
/** Probes give up soon. A check that takes longer counts as failed. */
const MAX_CHECK_MS = 700;
/** Metrics wait this long for a check. They must be there in time, even if a database hangs. */
const MAX_REFRESH_MS = 200;

/** @returns why the process cannot work as it should, or undefined if it can */
export type Check = () => Promise<string | undefined>;

/**
 * Whether a process is ready for work. Answers within a second, and checks at most once a second,
 * however often it is asked. Each change is logged once.
 */
export class Readiness {
  readonly #checks: readonly Check[];
  readonly #log: Log;
  /** As the log last said. */
  #wasReady = true;
  #isRetired = false;
  #recent: Promise<readonly string[]> | undefined;
  #askedAt = 0;

  constructor(checks: readonly Check[], log: Log) {
    this.#checks = checks;
    this.#log = log;
  }

  /** Not ready from now on: the process is about to end. */
  retire(): void {
    this.#isRetired = true;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** By the last check that has ended; true before the first one. */
  get isReady(): boolean {
    return this.#wasReady && !this.#isRetired;
  }

  /** Check, so that `isReady` is new. If the check takes long, the next caller sees its outcome. */
  async refresh(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, MAX_REFRESH_MS);
    await Promise.race([this.reasons(), promise]);
    clearTimeout(timer);
  }

  /** Why it is not ready; empty if it is. */
  reasons(): Promise<readonly string[]> {
    if (this.#isRetired) return Promise.resolve(["draining"]);
    const now = performance.now();
    if (this.#recent && now - this.#askedAt < RECENT_MS) return this.#recent;
    this.#askedAt = now;
    this.#recent = this.#check();
    return this.#recent;
  }

  async #check(): Promise<readonly string[]> {
    const outcomes = await Promise.all(this.#checks.map((check) => check()));
    const reasons = outcomes.filter((reason) => reason !== undefined);
    const isReady = reasons.length === 0;
    if (isReady !== this.#wasReady) {
      this.#wasReady = isReady;
      if (isReady) this.#log.info("ready again");
      else this.#log.warn({ reasons }, "not ready");
    }
    return reasons;
  }
}

/** A part whose pings at the same time are one: a database that hangs is not asked again. */
export class SharedPing implements Part {
  readonly database: string;
  readonly #part: Part;
  #running: Promise<void> | undefined;

  constructor(part: Part) {
    this.database = part.database;
    this.#part = part;
  }

  ping(): Promise<void> {
    this.#running ??= this.#part.ping().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

/** Whether a database answers and takes writes. */
export function databaseCheck(part: SharedPing): Check {
  return async () => {
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => {
      late.resolve(`${part.database}: no answer within ${MAX_CHECK_MS} ms`);
    }, MAX_CHECK_MS);
    const answered = part.ping().then(() => undefined, messageOf);
    const why = await Promise.race([answered, late.promise]);
    clearTimeout(timer);
    return why;
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
