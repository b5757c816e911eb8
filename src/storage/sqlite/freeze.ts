import type { Database } from "bun:sqlite";
import type { Move, Part, Places } from "../move.ts";
import { openSqliteFile } from "./file.ts";

// A move makes the SQLite file read-only, table by table. Triggers do that: they hold for every
// process that has the file open, from the commit that creates them, and for programs of any
// version. Reads go on.

const TABLE = `CREATE TABLE IF NOT EXISTS move (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  name       TEXT NOT NULL,
  places     TEXT NOT NULL, -- JSON: part, place
  gmt_create TEXT NOT NULL,
  gmt_finish TEXT
) STRICT`;

const TABLES_OF = { users: ["user", "secret"], sessions: ["session"] } as const;
type Freezable = keyof typeof TABLES_OF;
const EVENTS = ["INSERT", "UPDATE", "DELETE"] as const;

/** The move that has begun or finished, if there is one. */
export function readMove(database: Database): Move | undefined {
  const isRecorded = database
    .query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'move'")
    .get();
  if (!isRecorded) return undefined;
  const row = database
    .query<{ name: string; places: string; finishedAt: string | null }, []>(
      "SELECT name, places, gmt_finish AS finishedAt FROM move",
    )
    .get();
  if (!row) return undefined;
  const places: Places = JSON.parse(row.places);
  return { name: row.name, places, finishedAt: row.finishedAt ?? undefined };
}

/**
 * Throws if these data have moved: a server that changed them here would change the wrong copy.
 * While a move runs, this does not throw, because reads go on.
 */
export function throwIfMoved(database: Database, part: Part): void {
  const move = readMove(database);
  const place = move?.places[part];
  if (!move?.finishedAt || place === undefined) return;
  throw new Error(
    `its ${part} have moved to ${place} (finished ${move.finishedAt} UTC). Start with the ` +
      "settings of the new installation; or, to go on here, run `bun run graduate --undo`",
  );
}

/** Open the SQLite file, unless `part` has moved to another place. */
export function openUnmoved(dataDir: string, part: Part): Database {
  const database = openSqliteFile(dataDir);
  try {
    throwIfMoved(database, part);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Record a move. Call this and the next functions in a transaction. */
export function recordMove(database: Database, name: string, places: Places): void {
  database.run(TABLE);
  database.run(
    "INSERT INTO move (id, name, places, gmt_create) VALUES (1, ?, ?, datetime('now'))",
    [name, JSON.stringify(places)],
  );
}

export function recordFinish(database: Database): void {
  database.run("UPDATE move SET gmt_finish = datetime('now')");
}

export function forgetMove(database: Database): void {
  database.run("DROP TABLE IF EXISTS move");
}

/** @param why the message of the error that each write gets */
export function freeze(database: Database, part: Freezable, why: string): void {
  const quoted = `'${why.replaceAll("'", "''")}'`;
  for (const [table, event] of triggersOf(part)) {
    database.run(
      `CREATE TRIGGER IF NOT EXISTS ${triggerName(table, event)} BEFORE ${event} ON ${table}
       BEGIN SELECT RAISE(ABORT, ${quoted}); END`,
    );
  }
}

export function thaw(database: Database, part: Freezable): void {
  for (const [table, event] of triggersOf(part)) {
    database.run(`DROP TRIGGER IF EXISTS ${triggerName(table, event)}`);
  }
}

function triggersOf(part: Freezable) {
  return TABLES_OF[part].flatMap((table) => EVENTS.map((event) => [table, event] as const));
}

function triggerName(table: string, event: string): string {
  return `frozen_${table}_${event.toLowerCase()}`;
}
