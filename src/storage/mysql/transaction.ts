import type { Connection } from "mysql2/promise";
import { isRolledBack } from "./errors.ts";

/** Tries of a transaction that runs into deadlocks. */
const MAX_TRIES = 5;
const PAUSE_MS = 200;

/**
 * Run a transaction, and again if MySQL has rolled it back because of other transactions. If `work`
 * fails, nothing is committed.
 */
export async function transaction<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      await connection.beginTransaction();
      const result = await work();
      await connection.commit();
      return result;
    } catch (error) {
      if (!isRolledBack(error) || tries === MAX_TRIES) throw error;
      // MySQL has rolled back the statement or the whole transaction.
      await connection.rollback();
      await Bun.sleep(PAUSE_MS * (0.5 + Math.random()));
    }
  }
}
