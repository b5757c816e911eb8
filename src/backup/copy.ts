import { dirname, join } from "node:path";
import { copySqliteFile, type SqliteCopy } from "../storage/sqlite/backup.ts";
import type { BusyOptions } from "../storage/sqlite/file.ts";
import { CHECKSUMS, writeChecksums } from "./checksums.ts";
import { BackupFolder } from "./folder.ts";
import { Pictures } from "./pictures.ts";

export interface CopyOptions {
  readonly dataDir: string;
  /** Whether the users are in `dataDir`. */
  readonly hasUsers: boolean;
  /** Whether the pictures are in `dataDir`. */
  readonly hasPictures: boolean;
  readonly busy: BusyOptions;
  /** If aborted, the copy is removed. SQLite's own part is not interrupted. */
  readonly stop: AbortSignal;
}

export interface Copied {
  readonly users: SqliteCopy | undefined;
  readonly pictures: Pictures | undefined;
}

/**
 * Copy users and pictures to the folder `to`, while other processes write.
 * @throws {FolderError} the folder cannot be used
 * @throws {StorageError} the users cannot be copied
 * @throws the reason of `stop`
 */
export async function copyDataDir(to: string, options: CopyOptions): Promise<Copied> {
  const { dataDir, hasUsers, hasPictures, busy, stop } = options;
  const folder = await BackupFolder.create(to);
  try {
    const checksums = folder.part(CHECKSUMS);
    const pictures = hasPictures
      ? new Pictures(join(dataDir, "avatars"), folder.part("avatars"))
      : undefined;
    // Copying many pictures takes long, so most are copied first. The second pass, after the users,
    // makes sure that the pictures of all users are there: Portico keeps a replaced picture for
    // another minute.
    await pictures?.copy(stop);
    const users = hasUsers
      ? await copySqliteFile(dataDir, folder.part("portico.sqlite"), busy)
      : undefined;
    await Bun.sleep(0); // SQLite's part blocks the event loop: handle a signal that came during it.
    await pictures?.copy(stop);
    stop.throwIfAborted();
    await writeChecksums(checksums, dirname(checksums), [
      ...(users ? ["portico.sqlite"] : []),
      ...(pictures?.names ?? []).map((name) => `avatars/${name}`),
    ]);
    await folder.finish();
    return { users, pictures };
  } catch (error) {
    await folder.abandon();
    throw error;
  }
}
