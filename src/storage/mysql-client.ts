import { type ConnectionOptions, createPool, type QueryResult } from "mysql2";
import type { Pool } from "mysql2/promise";
import { errorField, within } from "./attempt.ts";
import type { Presence } from "./presence.ts";

const CONNECT_TIMEOUT_MS = 2_000;
/** All that a statement may take: waiting for a connection, opening it, preparing, running. */
const STATEMENT_TIMEOUT_MS = 2_500;
/**
 * Less than a statement's time, so that the server gives up on an update before its caller. For
 * locks of rows and of tables: an update that waits for a backup to end would outlive all who know
 * of it, and find the cache filled again.
 */
const LOCK_WAIT_SECONDS = 2;
const CONNECTIONS = 10;
const WAITERS = 256;

/** How every connection to MySQL is made. What the URL says comes after what stands here. */
export function mysqlOptions(databaseUrl: string): ConnectionOptions {
  return {
    uri: databaseUrl,
    charset: "utf8mb4_bin",
    timezone: "Z",
    connectTimeout: CONNECT_TIMEOUT_MS,
    supportBigNumbers: true,
    bigNumberStrings: true,
    // Not a stack captured for each statement: what it was for, the StorageError says.
    trace: false,
    // A server has no business asking its client for files.
    flags: ["-LOCAL_FILES"],
  };
}

/** Prepared statements on a pool of connections, where every wait is bounded. */
export class MysqlClient {
  readonly #pool: Pool;
  readonly #presence: Presence;

  constructor(databaseUrl: string, presence: Presence) {
    this.#presence = presence;
    const pool = createPool({
      ...mysqlOptions(databaseUrl),
      connectionLimit: CONNECTIONS,
      queueLimit: WAITERS,
    });
    // Whatever the server's defaults are, a value too long for its column is an error. This goes
    // out before the statement that the connection was opened for.
    pool.on("connection", (connection) => {
      connection.query(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', " +
          `SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, ` +
          `SESSION lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
        (error) => {
          if (error) connection.destroy();
        },
      );
    });
    this.#pool = pool.promise();
  }

  /** @returns the rows of a SELECT, the ResultSetHeader of any other statement */
  async execute<T extends QueryResult>(sql: string, values: string[]): Promise<T> {
    const endsAtMs = performance.now() + STATEMENT_TIMEOUT_MS;
    try {
      // A connection that comes too late goes back unused: nothing begins after its deadline.
      const connection = await within(STATEMENT_TIMEOUT_MS, this.#pool.getConnection(), (late) =>
        late.release(),
      );
      try {
        // This process may have stood still meanwhile.
        const leftMs = endsAtMs - performance.now();
        if (leftMs <= 0) throw new Error("the statement's time is over before it was sent");
        const [result] = await within(leftMs, connection.execute<T>(sql, values));
        connection.release();
        this.#presence.there();
        return result;
      } catch (error) {
        // After anything but a plain refusal nobody knows what the connection will say next.
        if (isDuplicateKey(error)) connection.release();
        else connection.destroy();
        throw error;
      }
    } catch (error) {
      // What carries an SQLSTATE was said by a server that is there.
      if (errorField(error, "sqlState") === undefined) this.#presence.away(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await within(STATEMENT_TIMEOUT_MS, this.#pool.end());
  }
}

export function isDuplicateKey(error: unknown): boolean {
  return errorField(error, "code") === "ER_DUP_ENTRY";
}
