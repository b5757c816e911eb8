import type { Database, Statement } from "bun:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../rpc/log.ts";
import type {
  CachedProfile,
  Ending,
  FoundSession,
  NewSession,
  OpenedSession,
  SessionStore,
  StoredSession,
} from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { type ObserveOperation, observing } from "../observe.ts";
import { throwIfUnwritable, write } from "./file.ts";
import { throwIfMoved } from "./freeze.ts";

/** How many expired sessions are deleted when one begins: more than one, so they never pile up. */
const REMOVED_PER_OPEN = 8;
const RETRY_MS = 1_000;

export interface SqliteSessionLimits {
  readonly ttlMs: number;
  readonly sessionsMax: number;
}

/**
 * Sessions in SQLite; they survive a restart. Reading a user takes a few microseconds, so no
 * profile is cached, and there are no leases.
 */
export class SqliteSessions implements SessionStore {
  readonly database = "SQLite";
  readonly #database: Database;
  readonly #attempt: typeof attempt;
  readonly #log: Log;
  #isOpen = true;
  readonly #ping: Statement<unknown, []>;
  readonly #find: Statement<{ username: string }, [sessionId: string, nowMs: number]>;
  readonly #close: Statement<{ username: string }, [sessionId: string, nowMs: number]>;
  readonly #list: Statement<StoredSession, [username: string, nowMs: number]>;
  readonly #end: (username: string, sessionIds: readonly string[]) => number;
  readonly #endAll: Statement<unknown, [username: string, except: string | null, nowMs: number]>;
  readonly #open: (session: NewSession) => void;

  /** @param database is owned and closed by the store */
  constructor(
    database: Database,
    limits: SqliteSessionLimits,
    log: Log,
    observe?: ObserveOperation,
  ) {
    this.#database = database;
    this.#attempt = observing("sqlite", observe);
    this.#log = log;
    // Read a table: a SELECT without one does not touch the file.
    this.#ping = database.prepare("SELECT 1 FROM session LIMIT 1");
    this.#find = database.prepare("SELECT username FROM session WHERE id = ? AND expires_at > ?");
    this.#close = database.prepare(
      "DELETE FROM session WHERE id = ? AND expires_at > ? RETURNING username",
    );
    this.#list = database.prepare(
      `SELECT id AS sessionId, created_at AS createdAtMs, expires_at AS expiresAtMs, device, address
       FROM session WHERE username = ? AND expires_at > ? ORDER BY created_at DESC`,
    );
    this.#endAll = database.prepare(
      "DELETE FROM session WHERE username = ? AND id IS NOT ? AND expires_at > ?",
    );
    this.#open = prepareOpen(database, limits);
    const end = database.prepare<unknown, [string, string, number]>(
      "DELETE FROM session WHERE id = ? AND username = ? AND expires_at > ?",
    );
    this.#end = database.transaction((username: string, sessionIds: readonly string[]) => {
      const nowMs = Date.now();
      return sessionIds.reduce((sum, id) => sum + end.run(id, username, nowMs).changes, 0);
    });
  }

  /** A second read of the row costs microseconds, so nothing keeps track of updates. */
  async open(session: NewSession): Promise<OpenedSession> {
    await this.#attempt("open session", () => write(() => this.#open(session)));
    return { mustRecheck: true };
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.#attempt("read session", () => this.#find.get(sessionId, Date.now()) ?? undefined);
  }

  close(sessionId: string): Promise<string | undefined> {
    const close = () => this.#close.get(sessionId, Date.now());
    return this.#attempt("close session", async () => (await write(close))?.username);
  }

  list(username: string): Promise<StoredSession[]> {
    return this.#attempt("list sessions", () => this.#list.all(username, Date.now()));
  }

  end(username: string, sessionIds: readonly string[]): Promise<number> {
    return this.#attempt("end sessions", () => write(() => this.#end(username, sessionIds)));
  }

  endAll(username: string, except?: string): Promise<number> {
    const end = () => this.#endAll.run(username, except ?? null, Date.now());
    return this.#attempt("end sessions", async () => (await write(end)).changes);
  }

  async lease(): Promise<undefined> {}

  async fill(): Promise<void> {}

  async invalidating<T>(username: string, update: () => Promise<T>, ending?: Ending): Promise<T> {
    const result = await update();
    if (!ending || !result) return result;
    try {
      await this.endAll(username, ending.except);
    } catch (error) {
      void this.#endInBackground(username, ending);
      throw error;
    }
    return result;
  }

  inserting(_profile: CachedProfile, insert: () => Promise<boolean>): Promise<boolean> {
    return insert();
  }

  async ping(): Promise<void> {
    await this.#attempt("ping SQLite", () => {
      this.#ping.get();
      throwIfMoved(this.#database, "sessions");
      return throwIfUnwritable(this.#database);
    });
  }

  disconnect(): Promise<void> {
    this.#isOpen = false;
    return attempt("close session store", () => this.#database.close(true));
  }

  /** Try until it succeeds or the store is closed. */
  async #endInBackground(username: string, { except }: Ending): Promise<void> {
    this.#log.warn("cannot end the sessions of a user: trying until it succeeds");
    for (;;) {
      await sleep(RETRY_MS, undefined, { ref: false });
      if (!this.#isOpen) return;
      try {
        await this.endAll(username, except);
        this.#log.info("ended the sessions of the user");
        return;
      } catch (err) {
        this.#log.debug({ err }, "still trying");
      }
    }
  }
}

/** One transaction, because each commit costs an fsync. */
function prepareOpen(database: Database, limits: SqliteSessionLimits) {
  // The sessions of a user never begin in the same millisecond, so that one of them is the oldest.
  const insert = database.prepare(
    `INSERT OR REPLACE INTO session (id, username, created_at, expires_at, device, address)
     SELECT $id, $username, max($nowMs, ifnull(max(created_at), 0) + 1), $expiresAtMs,
       $device, $address
     FROM session WHERE username = $username`,
  );
  const replace = database.prepare<unknown, [string, string]>(
    "DELETE FROM session WHERE id = ? AND username = ?",
  );
  const removeOldest = database.prepare<unknown, [string, number]>(
    `DELETE FROM session WHERE id IN
       (SELECT id FROM session WHERE username = ? AND expires_at > ?
        ORDER BY created_at DESC LIMIT -1 OFFSET ${limits.sessionsMax})`,
  );
  const removeExpired = database.prepare<unknown, [number]>(
    `DELETE FROM session WHERE id IN
       (SELECT id FROM session WHERE expires_at <= ? LIMIT ${REMOVED_PER_OPEN})`,
  );
  return database.transaction((session: NewSession) => {
    const { sessionId, profile, device, address, replaces } = session;
    const nowMs = Date.now();
    if (replaces) for (const id of replaces) replace.run(id, profile.username);
    insert.run({
      $id: sessionId,
      $username: profile.username,
      $nowMs: nowMs,
      $expiresAtMs: nowMs + limits.ttlMs,
      $device: device,
      $address: address,
    });
    removeOldest.run(profile.username, nowMs);
    removeExpired.run(nowMs);
  });
}
