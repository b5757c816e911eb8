import { Database } from "bun:sqlite";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { isRecord } from "./client.ts";
import type { SharedStack } from "./pairs.ts";

type Row = Readonly<Record<string, unknown>>;

/** The rows behind a stack, past all of its code. */
export interface Rows extends AsyncDisposable {
  query(sql: string, values?: readonly (string | number | null)[]): Promise<Row[]>;
}

/** Open the MySQL database or the SQLite file of a stack. Names in backticks suit both. */
export async function openRows({ stack, environment }: SharedStack): Promise<Rows> {
  return openRowsAt(environment.DATABASE_URL, stack.dataDir);
}

export async function openRowsAt(databaseUrl: string | undefined, dataDir: string): Promise<Rows> {
  return databaseUrl === undefined ? openSqlite(dataDir) : openMySql(databaseUrl);
}

async function openMySql(url: string): Promise<Rows> {
  const connection = await createConnection(url);
  return {
    async query(sql, values = []) {
      const [rows] = await connection.query(sql, [...values]);
      const found: readonly unknown[] = Array.isArray(rows) ? rows : [];
      return found.filter(isRecord);
    },
    [Symbol.asyncDispose]: () => connection.end(),
  };
}

async function openSqlite(folder: string): Promise<Rows> {
  const files = await readdir(folder);
  const name = files.find((file) => /\.(db|sqlite3?)$/.test(file));
  if (name === undefined) throw new Error(`No SQLite file among ${files.join(", ")}`);
  const database = new Database(join(folder, name), { readwrite: true });
  database.run("PRAGMA busy_timeout = 5000");
  return {
    async query(sql, values = []) {
      return database.query<Row, (string | number | null)[]>(sql).all(...values);
    },
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

/** What the table says about a user's password. */
export async function storedPassword(
  rows: Rows,
  username: string,
): Promise<{ password: string; salt: string }> {
  const [row] = await rows.query("SELECT password, salt FROM `user` WHERE username = ?", [
    username,
  ]);
  if (!row) throw new Error(`No row of ${username}`);
  return { password: String(row.password), salt: String(row.salt) };
}
