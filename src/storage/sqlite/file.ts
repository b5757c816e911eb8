import { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorField } from "../attempt.ts";
import type { MigrationState } from "../migration.ts";
import { migrateSqlite, sqliteMigrationStates } from "./migrate.ts";

/**
 * SQLite blocks the event loop while it waits for a lock, so longer waits go through
 * `retryWhileBusy`.
 */
const BUSY_TIMEOUT_MS = 5;
/**
 * The limit of a command: far longer than another process holds the lock. SQLite has no queue for
 * its lock, so on a busy machine, one of several writers may wait for seconds.
 */
const BUSY_LIMIT_MS = 60_000;
const BUSY_RETRY_MS = 10;
/** After this time, a command says that it waits. */
const BUSY_NOTICE_MS = 1_000;
/** The limit of a call, which has a deadline. Calls retry more often than commands do. */
const CALL_LIMITS = { limitMs: 2_000, retryMs: 2 };

/** The folder in DATA_DIR in which a restore prepares its files. */
export const RESTORING = "restoring";

/** As large as a few pages, so that it fits unless the disk is full. */
const PROBE = new Uint8Array(64 * 1024);

/** Open or create the SQLite file in `dataDir`, migrate it, and make it safe against power loss. */
export function openSqliteFile(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  // Only the owner may read password hashes and sessions. SQLite would create the file with mode
  // 0644. An existing file must not be opened here: closing it would drop all locks of this process
  // on it, including SQLite's own. Another program that closes the file would then find no locks,
  // and remove the `-wal` that this process writes to.
  if (!existsSync(path)) {
    throwIfRestoring(dataDir);
    closeSync(openSync(path, "a", 0o600));
  }
  const database = new Database(path);
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    migrateSqlite(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Without this, a server would start with no users, between the steps of a restore. */
function throwIfRestoring(dataDir: string): void {
  const folder = join(dataDir, RESTORING);
  if (!existsSync(folder)) return;
  throw new Error(
    `a restore was interrupted: run \`bun run restore\` again, or remove ${folder} and ` +
      `${join(dataDir, "avatars")}`,
  );
}

/** The applied and the pending migrations of the file in `dataDir`. Changes no data. */
export function sqliteFileStates(dataDir: string): MigrationState[] {
  if (!existsSync(pathIn(dataDir))) return sqliteMigrationStates(undefined);
  // A file in WAL mode cannot be read without its `-wal` and `-shm`. The last connection that
  // closes the file moves the `-wal` of a killed process into it, and removes both. Only a
  // connection that may write can do so.
  const database = new Database(pathIn(dataDir), { readwrite: true, create: false });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return sqliteMigrationStates(database);
  } finally {
    database.close();
  }
}

export interface BusyOptions {
  /** Called once if the wait is long. `why` gives the reason and the limit. */
  waiting?(why: string): void;
  readonly limitMs?: number;
  readonly retryMs?: number;
}

/** Write on behalf of a call. */
export function write<T>(work: () => T): Promise<T> {
  return retryWhileBusy(work, CALL_LIMITS);
}

/**
 * Work on the file, and retry while another process holds its lock.
 * @throws what `work` throws, or an Error that names the limit
 */
export async function retryWhileBusy<T>(work: () => T, busy: BusyOptions = {}): Promise<T> {
  const { limitMs = BUSY_LIMIT_MS, retryMs = BUSY_RETRY_MS } = busy;
  const beganAtMs = performance.now();
  let isNoticed = false;
  for (;;) {
    try {
      return work();
    } catch (cause) {
      if (!isBusy(cause)) throw cause;
      const waitedMs = performance.now() - beganAtMs;
      const limit = `${limitMs / 1_000} s`;
      if (waitedMs >= limitMs) {
        throw new Error(`another process has been writing for ${limit}: try again`, { cause });
      }
      if (!isNoticed && waitedMs >= BUSY_NOTICE_MS) {
        isNoticed = true;
        busy.waiting?.(`another process is writing; giving up after ${limit}`);
      }
    }
    await Bun.sleep(retryMs);
  }
}

/**
 * Throws if a write of a call would fail: the file is read-only, another process holds its lock, or
 * the disk is full or read-only. Writes nothing to the file.
 */
export async function throwIfUnwritable(database: Database): Promise<void> {
  await write(() => database.transaction(() => undefined).immediate());
  const path = join(dirname(database.filename), `probe-${randomUUID()}`);
  const file = openSync(path, "wx", 0o600);
  try {
    // Without a name, the file vanishes even if the process is killed.
    unlinkSync(path);
    writeFileSync(file, PROBE);
  } finally {
    closeSync(file);
  }
}

/**
 * Whether another process writes to the file, or creates it: switching to WAL does not wait for
 * locks.
 */
export function isBusy(cause: unknown): boolean {
  return errorField(cause, "code")?.startsWith("SQLITE_BUSY") ?? false;
}

/** The path of the SQLite file. */
export function pathIn(dataDir: string): string {
  return join(dataDir, "portico.sqlite");
}
