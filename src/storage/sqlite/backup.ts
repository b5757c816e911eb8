import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { type BusyOptions, pathIn, retryWhileBusy } from "./file.ts";
import { readMove, thaw } from "./freeze.ts";

export interface SqliteCopy {
  readonly users: number;
  readonly bytes: number;
  /** The names of all pictures that users have. */
  readonly pictures: readonly string[];
  /** Where the users have moved, so that this is a copy of old ones. */
  readonly movedTo: string | undefined;
}

/**
 * Copy the state of the SQLite file in `dataDir` at one moment, including the WAL, even if other
 * processes write to it. Sessions are left out: in a restored copy, a session that has ended would
 * work again.
 * @param to must not exist
 * @throws {StorageError}
 */
export function copySqliteFile(
  dataDir: string,
  to: string,
  busy: BusyOptions,
): Promise<SqliteCopy> {
  const from = pathIn(dataDir);
  return attempt(`copy SQLite in ${dataDir} (DATA_DIR)`, async () => {
    if (!existsSync(from)) throw new Error(`there is no ${from}`);
    // Only the owner may read password hashes. SQLite accepts an empty file.
    closeSync(openSync(to, "wx", 0o600));
    using original = new Database(from, { readwrite: true, create: false });
    await retryWhileBusy(() => original.run("VACUUM INTO ?", [to]), busy);
    using copy = new Database(to, { readwrite: true, create: false });
    copy.run("PRAGMA secure_delete = ON");
    // While the sessions move to another place, none can be deleted in the original.
    thaw(copy, "sessions");
    copy.run("DELETE FROM session");
    const move = readMove(copy);
    const movedTo = move?.finishedAt === undefined ? undefined : move.places.users;
    return { ...contentsOf(copy), bytes: statSync(to).size, movedTo };
  });
}

/**
 * Check the SQLite file of a backup, page by page.
 * @throws {Error} it is damaged
 */
export function checkSqliteCopy(path: string): Pick<SqliteCopy, "users" | "pictures"> {
  using copy = new Database(path, { readwrite: true, create: false });
  const [problem] = copy.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
  if (problem?.integrity_check !== "ok") throw new Error(`${problem?.integrity_check}`);
  return contentsOf(copy);
}

function contentsOf(copy: Database): Pick<SqliteCopy, "users" | "pictures"> {
  const row = copy.query<{ users: number }, []>("SELECT COUNT(*) AS users FROM user").get();
  const pictures = copy
    .query<{ name: string }, []>("SELECT DISTINCT profile_path AS name FROM user")
    .all();
  return { users: row?.users ?? 0, pictures: pictures.map(({ name }) => name) };
}
