import type { QueryResult } from "mysql2";
import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import type { Availability } from "../availability.ts";
import { isDemoted, isDuplicateKey, isPassing, isRolledBack, serverErrno } from "./errors.ts";
import { MysqlPool, type PooledConnection } from "./pool.ts";
import { openSession, type ProvenRow, throwIfDemoted } from "./session.ts";

/**
 * Until when a statement may be begun, or begun again: waiting for a connection, opening it,
 * preparing. One that is begun the first time ends by then, too.
 */
const STATEMENT_TIMEOUT_MS = 2_500;
/**
 * How long the server waits for a lock of a row or of the table: less than a statement's time, so
 * that it gives up on an update before its caller. An update that waits for a backup to end would
 * outlive all who know of it, and find the cache filled again.
 */
const LOCK_WAIT_SECONDS = 1;
/** One that was rolled back late is begun again late: its caller still outlasts its lock. */
const REPEAT_TIMEOUT_MS = LOCK_WAIT_SECONDS * 1_000 + 500;
/** A look-up takes milliseconds: a connection that is silent for longer is probably dead. */
const READ_TIMEOUT_MS = 1_000;
/** Before the second attempt, and twice as long before each that follows, up to the longest. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

const CONNECTIONS = 10;
const IDLE_MS = 60_000;
const MAX_AGE_MS = 120_000;

type Statement<T> = (connection: Connection) => Promise<T>;

/** Prepared statements on a pool of connections, where every wait is bounded. */
export class MysqlClient {
  readonly #pool: MysqlPool;
  readonly #availability: Availability;

  constructor(databaseUrl: string, availability: Availability) {
    this.#availability = availability;
    this.#pool = new MysqlPool({
      maxConnections: CONNECTIONS,
      idleMs: IDLE_MS,
      maxAgeMs: MAX_AGE_MS,
      open: (timeoutMs) =>
        openSession(databaseUrl, { timeoutMs, lockWaitSeconds: LOCK_WAIT_SECONDS }),
    });
  }

  /**
   * The rows of a SELECT that has at least one, `PROOF` among its columns, from a server that takes
   * writes. It may run twice.
   */
  read<T extends ProvenRow>(sql: string, values: string[]): Promise<T[]> {
    return this.#run(true, async (connection) => {
      const answer = await connection.execute<T[]>(sql, values);
      throwIfDemoted(answer);
      return answer[0];
    });
  }

  /**
   * Carry out a statement that may change rows: again only if it certainly was not.
   * @returns the rows of a SELECT, the ResultSetHeader of any other statement
   */
  execute<T extends QueryResult>(sql: string, values: string[]): Promise<T> {
    return this.#run(false, async (connection) => {
      const [result] = await connection.execute<T>(sql, values);
      return result;
    });
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #run<T>(isRead: boolean, statement: Statement<T>): Promise<T> {
    const endsAtMs = performance.now() + STATEMENT_TIMEOUT_MS;
    try {
      await this.#pool.takeTurn(STATEMENT_TIMEOUT_MS);
      try {
        const result = await this.#attempt(isRead, statement, endsAtMs);
        this.#availability.up();
        return result;
      } finally {
        this.#pool.endTurn();
      }
    } catch (error) {
      // What has a number was said by a server that is there.
      if (serverErrno(error) === undefined) this.#availability.down(error);
      throw error;
    }
  }

  /** Try until it is done, fails with an unknown outcome, or time is over. */
  async #attempt<T>(isRead: boolean, statement: Statement<T>, endsAtMs: number): Promise<T> {
    let mustBeFresh = false;
    for (let attempt = 1; ; attempt++) {
      let pooled: PooledConnection | undefined;
      try {
        pooled = await this.#pool.take(endsAtMs, mustBeFresh);
        const result = await withTimeout(
          timeoutOf(endsAtMs, attempt, isRead && !pooled.isFresh),
          statement(pooled.connection),
        );
        this.#pool.giveBack(pooled);
        return result;
      } catch (error) {
        const again = this.#sortOut(error, pooled, isRead && !mustBeFresh);
        const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        const pauseMs = longestMs * (0.5 + Math.random() / 2);
        const isTimeLeft = performance.now() + pauseMs < endsAtMs;
        if (again === "never" || !isTimeLeft) throw error;
        mustBeFresh ||= again === "elsewhere";
        await Bun.sleep(pauseMs);
      }
    }
  }

  /** What becomes of the connection, and whether the statement may be tried again. */
  #sortOut(
    error: unknown,
    pooled: PooledConnection | undefined,
    mayRepeat: boolean,
  ): "here" | "elsewhere" | "never" {
    if (pooled && (isDuplicateKey(error) || isRolledBack(error))) {
      this.#pool.giveBack(pooled);
      return isRolledBack(error) ? "here" : "never";
    }
    // After anything but a plain refusal, what the connection will say next is unknown.
    pooled?.connection.destroy();
    if (isDemoted(error)) {
      this.#pool.drop();
      return "here";
    }
    if (!pooled || pooled.isFresh || !mayRepeat || !isPassing(error)) return "never";
    this.#pool.dropIdle();
    return "elsewhere";
  }
}

/** @throws when nothing may be begun any more: this process may have stood still meanwhile */
function timeoutOf(endsAtMs: number, attempt: number, mayBeDead: boolean): number {
  const leftMs = endsAtMs - performance.now();
  if (leftMs <= 0) throw new Error("the statement's time is over before it was sent");
  if (attempt > 1) return Math.max(leftMs, REPEAT_TIMEOUT_MS);
  return mayBeDead ? Math.min(leftMs, READ_TIMEOUT_MS) : leftMs;
}
