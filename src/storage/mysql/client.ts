import type { QueryResult } from "mysql2";
import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import type { Availability } from "../availability.ts";
import { type CheckedRow, throwIfDemoted } from "./connection.ts";
import {
  DemotedError,
  isDemoted,
  isDuplicateKey,
  isLockTimeout,
  isRolledBack,
  isTemporary,
  serverErrno,
} from "./errors.ts";
import type { MysqlHosts } from "./hosts.ts";
import { MysqlPool, type PoolCounts, type PooledConnection, type PoolLimits } from "./pool.ts";

/**
 * No try of a statement begins after this time. The time includes the wait for a connection,
 * opening it and preparing the statement. A first try also ends by then.
 */
const STATEMENT_TIMEOUT_MS = 2_500;
/**
 * How long the server waits for the lock of a row or of the table. This is less than a statement's
 * limit, so that the server gives up before the client does. Otherwise an update that waits for a
 * backup would outlive its mark, and a reader would fill the cache with the old row.
 */
const LOCK_WAIT_SECONDS = 1;
/** A repeated try always gets this long, which is longer than the server waits for a lock. */
const REPEAT_TIMEOUT_MS = LOCK_WAIT_SECONDS * 1_000 + 500;
/** A look-up takes milliseconds, so a connection that is silent for this long is probably dead. */
const READ_TIMEOUT_MS = 1_000;
/** The pause before the second try. It doubles before each further try, up to the longest. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

/** How long a statement takes at most: its first try and its last. */
export const LONGEST_STATEMENT_MS = STATEMENT_TIMEOUT_MS + REPEAT_TIMEOUT_MS;

const IDLE_MS = 60_000;
export const DEFAULT_POOL: PoolLimits = { maxConnections: 10, maxAgeMs: 120_000 };

/** A connection from the pool may be dead or old. A fresh one then tells how the server is. */
const PING_TRIES = 2;

type Retry = "on any connection" | "on a fresh connection" | "never";
type Statement<T> = (connection: Connection) => Promise<T>;

/** Runs prepared statements on a pool of connections. Every wait has a limit. */
export class MysqlClient {
  readonly #pool: MysqlPool;
  readonly #hosts: MysqlHosts;
  readonly #availability: Availability;

  constructor(hosts: MysqlHosts, availability: Availability, limits = DEFAULT_POOL) {
    this.#hosts = hosts;
    this.#availability = availability;
    this.#pool = new MysqlPool({
      ...limits,
      idleMs: Math.min(IDLE_MS, limits.maxAgeMs),
      open: (timeoutMs) => hosts.open({ timeoutMs, lockWaitSeconds: LOCK_WAIT_SECONDS }),
      isCurrent: (connection) => hosts.isCurrent(connection),
    });
  }

  /**
   * Read from a server that takes writes. The statement may run twice.
   * @param sql a SELECT that returns at least one row and has the column `PRIMARY_CHECK`
   */
  read<T extends CheckedRow>(sql: string, values: string[]): Promise<T[]> {
    return this.#run(true, async (connection) => {
      const answer = await connection.execute<T[]>(sql, values);
      throwIfDemoted(answer);
      // A primary that was frozen may answer after another host has taken over.
      if (!this.#hosts.isCurrent(connection)) throw new DemotedError();
      return answer[0];
    });
  }

  /**
   * Read as `read()` does, but soon say why the server does not work. Other statements wait for a
   * failover.
   */
  async ping(sql: string): Promise<void> {
    const check = async (connection: Connection) =>
      throwIfDemoted(await connection.execute<CheckedRow[]>(sql));
    await this.#run(true, check, PING_TRIES);
  }

  /**
   * Carry out a statement that may change rows. Another try follows only if the last one certainly
   * had no effect.
   * @returns the rows of a SELECT, or the ResultSetHeader of any other statement
   */
  execute<T extends QueryResult>(sql: string, values: string[]): Promise<T> {
    return this.#run(false, async (connection) => {
      const [result] = await connection.execute<T>(sql, values);
      return result;
    });
  }

  get counts(): PoolCounts {
    return this.#pool.counts;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #run<T>(isRead: boolean, statement: Statement<T>, tries = Infinity): Promise<T> {
    const endsAtMs = performance.now() + STATEMENT_TIMEOUT_MS;
    try {
      await this.#pool.acquireSlot(STATEMENT_TIMEOUT_MS);
      try {
        const result = await this.#attempt(isRead, statement, endsAtMs, tries);
        this.#availability.up();
        return result;
      } finally {
        this.#pool.releaseSlot();
      }
    } catch (error) {
      // An error with a number comes from a server, so the server is up.
      if (serverErrno(error) === undefined) this.#availability.down(error);
      throw error;
    }
  }

  /** Try until it succeeds, fails with an unknown outcome, or runs out of time. */
  async #attempt<T>(
    isRead: boolean,
    statement: Statement<T>,
    endsAtMs: number,
    tries: number,
  ): Promise<T> {
    let mustBeFresh = false;
    for (let attempt = 1; ; attempt++) {
      let pooled: PooledConnection | undefined;
      try {
        pooled = await this.#pool.acquire(endsAtMs, mustBeFresh);
        const result = await withTimeout(
          timeoutOf(endsAtMs, attempt, isRead && !pooled.isFresh),
          statement(pooled.connection),
        );
        this.#pool.release(pooled);
        return result;
      } catch (error) {
        const retry = this.#handleFailure(error, pooled, isRead && !mustBeFresh);
        const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        const pauseMs = longestMs * (0.5 + Math.random() / 2);
        const isTimeLeft = performance.now() + pauseMs < endsAtMs;
        if (retry === "never" || attempt >= tries || !isTimeLeft) throw error;
        mustBeFresh ||= retry === "on a fresh connection";
        await Bun.sleep(pauseMs);
      }
    }
  }

  /** Return or close the connection, and decide how the statement may be tried again. */
  #handleFailure(error: unknown, pooled: PooledConnection | undefined, mayRepeat: boolean): Retry {
    if (isLockTimeout(error)) {
      pooled?.connection.destroy();
      return "on a fresh connection";
    }
    if (pooled && (isDuplicateKey(error) || isRolledBack(error))) {
      this.#pool.release(pooled);
      return isRolledBack(error) ? "on any connection" : "never";
    }
    // After any other error, the state of the connection is unknown.
    pooled?.connection.destroy();
    if (isDemoted(error)) {
      // If no host could be used, the existing connections may still be good.
      const isOfHost = pooled
        ? this.#hosts.isCurrent(pooled.connection)
        : error instanceof DemotedError;
      if (isOfHost) this.#pool.drop();
      return "on any connection";
    }
    if (!pooled || pooled.isFresh || !mayRepeat || !isTemporary(error)) return "never";
    this.#pool.dropIdle();
    return "on a fresh connection";
  }
}

/** @throws {Error} the time is over, for instance because this process was suspended */
function timeoutOf(endsAtMs: number, attempt: number, mayBeDead: boolean): number {
  const leftMs = endsAtMs - performance.now();
  if (leftMs <= 0) throw new Error("no time is left to send the statement");
  if (attempt > 1) return Math.max(leftMs, REPEAT_TIMEOUT_MS);
  return mayBeDead ? Math.min(leftMs, READ_TIMEOUT_MS) : leftMs;
}
