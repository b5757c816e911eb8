import type { Log } from "../rpc/log.ts";

/** How often the log repeats that a database is down. */
const REMINDER_MS = 30_000;

/** Logs when a database goes down and when it is up again, once for each change. */
export class Availability {
  /** The database and its address, such as "MySQL at 127.0.0.1:3306". */
  readonly database: string;
  readonly #log: Log;
  #isUp = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(database: string, log: Log) {
    this.database = database;
    this.#log = log;
  }

  up(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#log.info(`connected to ${this.database}`);
  }

  down(cause: unknown): void {
    const nowMs = performance.now();
    if (!this.#isUp && nowMs - this.#warnedAtMs < REMINDER_MS) return;
    this.#isUp = false;
    this.#warnedAtMs = nowMs;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn({ why }, `waiting for ${this.database}`);
  }
}

/** The availability of each node of a cluster, from its first connection or failure on. */
export class NodeAvailability {
  readonly #database: string;
  readonly #log: Log;
  readonly #nodes = new Map<string, Availability>();

  /** @param database the kind of each node, such as "Redis" */
  constructor(database: string, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  up(address: string): void {
    this.#of(address).up();
  }

  down(address: string, cause: unknown): void {
    this.#of(address).down(cause);
  }

  #of(address: string): Availability {
    const known = this.#nodes.get(address);
    if (known) return known;
    const database = `${this.#database} at ${address} (node of a cluster)`;
    const availability = new Availability(database, this.#log);
    this.#nodes.set(address, availability);
    return availability;
  }
}
