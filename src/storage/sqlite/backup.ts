import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { inTurn, pathIn, type Turn } from "./file.ts";

export interface SqliteCopy {
  readonly users: number;
  readonly bytes: number;
  /** Names of all pictures that a user has. */
  readonly pictures: readonly string[];
}

/**
 * Copy the SQLite file in `dataDir` as it is at one moment, whatever others write meanwhile: its
 * WAL is in the copy. Sessions are left out: one that has ended since would be alive again.
 * @param to where no file is
 * @throws {StorageError}
 */
export function copySqliteFile(dataDir: string, to: string, turn: Turn): Promise<SqliteCopy> {
  const from = pathIn(dataDir);
  return attempt(`copy SQLite in ${dataDir} (DATA_DIR)`, async () => {
    if (!existsSync(from)) throw new Error(`there is no ${from}`);
    // Password hashes are nobody else's to read; SQLite takes a file that is empty.
    closeSync(openSync(to, "wx", 0o600));
    using original = new Database(from, { readwrite: true, create: false });
    await inTurn(() => original.run("VACUUM INTO ?", [to]), turn);
    using copy = new Database(to, { readwrite: true, create: false });
    copy.run("PRAGMA secure_delete = ON");
    copy.run("DELETE FROM session");
    return { ...contentsOf(copy), bytes: statSync(to).size };
  });
}

function contentsOf(copy: Database): Pick<SqliteCopy, "users" | "pictures"> {
  const { users } = copy
    .query<{ users: number }, []>("SELECT COUNT(*) AS users FROM user")
    .get() ?? {
    users: 0,
  };
  const pictures = copy
    .query<{ name: string }, []>("SELECT DISTINCT profile_path AS name FROM user")
    .all();
  return { users, pictures: pictures.map(({ name }) => name) };
}
