import type { Database, Statement } from "bun:sqlite";
import type { CachedProfile, FoundSession, SessionStore } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import { throwIfUnwritable, write } from "./file.ts";

/** How many expired sessions are deleted when one begins: more than one, so they never pile up. */
const REMOVED_PER_OPEN = 8;

/**
 * Sessions in SQLite; they survive a restart. Reading a user takes a few microseconds, so no
 * profile is cached, and there are no leases.
 */
export class SqliteSessions implements SessionStore {
  readonly database = "SQLite";
  readonly #database: Database;
  readonly #ttlMs: number;
  readonly #ping: Statement<unknown, []>;
  readonly #find: Statement<{ username: string }, [sessionId: string, nowMs: number]>;
  readonly #close: Statement<unknown, [sessionId: string, nowMs: number]>;
  readonly #open: (sessionId: string, username: string) => void;

  /** @param database is owned and closed by the store */
  constructor(database: Database, ttlSeconds: number) {
    this.#database = database;
    // Read a table: a SELECT without one does not touch the file.
    this.#ping = database.prepare("SELECT 1 FROM session LIMIT 1");
    this.#ttlMs = ttlSeconds * 1_000;
    this.#find = database.prepare("SELECT username FROM session WHERE id = ? AND expires_at > ?");
    this.#close = database.prepare("DELETE FROM session WHERE id = ? AND expires_at > ?");

    const insert = database.prepare<unknown, [string, string, number]>(
      "INSERT OR REPLACE INTO session (id, username, expires_at) VALUES (?, ?, ?)",
    );
    const removeExpired = database.prepare<unknown, [number]>(
      `DELETE FROM session WHERE id IN
         (SELECT id FROM session WHERE expires_at <= ? LIMIT ${REMOVED_PER_OPEN})`,
    );
    // One transaction, because each commit costs an fsync.
    this.#open = database.transaction((sessionId: string, username: string) => {
      const nowMs = Date.now();
      insert.run(sessionId, username, nowMs + this.#ttlMs);
      removeExpired.run(nowMs);
    });
  }

  open(sessionId: string, profile: CachedProfile): Promise<void> {
    return attempt("open session", () => write(() => this.#open(sessionId, profile.username)));
  }

  find(sessionId: string): Promise<FoundSession | undefined> {
    return attempt("read session", () => this.#find.get(sessionId, Date.now()) ?? undefined);
  }

  close(sessionId: string): Promise<boolean> {
    const close = () => this.#close.run(sessionId, Date.now());
    return attempt("close session", async () => (await write(close)).changes > 0);
  }

  async lease(): Promise<undefined> {}

  async fill(): Promise<void> {}

  invalidating<T>(_username: string, update: () => Promise<T>): Promise<T> {
    return update();
  }

  async ping(): Promise<void> {
    await attempt("ping SQLite", () => {
      this.#ping.get();
      return throwIfUnwritable(this.#database);
    });
  }

  disconnect(): Promise<void> {
    return attempt("close session store", () => this.#database.close(true));
  }
}
