import type { Log } from "../log.ts";

/** While a database stays away, it is named again this often. */
const REMINDER_MS = 30_000;

/** Logs when a database goes away and when it is there, once per change. */
export class Presence {
  /** What is watched, as in "MySQL at 127.0.0.1:3306". */
  readonly database: string;
  readonly #log: Log;
  #isThere = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(database: string, log: Log) {
    this.database = database;
    this.#log = log;
  }

  there(): void {
    if (this.#isThere) return;
    this.#isThere = true;
    this.#log.info(`connected to ${this.database}`);
  }

  away(cause: unknown): void {
    const nowMs = performance.now();
    if (!this.#isThere && nowMs - this.#warnedAtMs < REMINDER_MS) return;
    this.#isThere = false;
    this.#warnedAtMs = nowMs;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn({ why }, `waiting for ${this.database}`);
  }
}
