import type { Database, Statement } from "bun:sqlite";
import { write } from "./file.ts";

/** Secrets that all processes of this file share. */
export class SqliteSecrets {
  readonly #find: Statement<{ value: string }, [name: string]>;
  readonly #insert: Statement<unknown, [name: string, value: string]>;

  constructor(database: Database) {
    this.#find = database.prepare("SELECT value FROM secret WHERE name = ?");
    this.#insert = database.prepare(
      `INSERT INTO secret (name, value, gmt_create) VALUES (?, ?, datetime('now'))
       ON CONFLICT (name) DO NOTHING`,
    );
  }

  /** See `UserStore.secret`. If several processes make it, the first INSERT counts. */
  async get(name: string, make: () => string): Promise<string> {
    const stored = this.#find.get(name);
    if (stored) return stored.value;
    const made = make();
    await write(() => this.#insert.run(name, made));
    return this.#find.get(name)?.value ?? made;
  }
}
