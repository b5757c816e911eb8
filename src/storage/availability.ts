import type { Log } from "../rpc/log.ts";

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

/** The presence of each node of a cluster, from when it is first connected or missed. */
export class NodePresences {
  readonly #database: string;
  readonly #log: Log;
  readonly #nodes = new Map<string, Presence>();

  /** @param database what each node is, as in "Redis" */
  constructor(database: string, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  there(address: string): void {
    this.#at(address).there();
  }

  away(address: string, cause: unknown): void {
    this.#at(address).away(cause);
  }

  #at(address: string): Presence {
    const known = this.#nodes.get(address);
    if (known) return known;
    const presence = new Presence(`${this.#database} at ${address} (node of a cluster)`, this.#log);
    this.#nodes.set(address, presence);
    return presence;
  }
}
