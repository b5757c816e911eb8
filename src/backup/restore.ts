import { constants, existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkSqliteCopy } from "../storage/sqlite/backup.ts";
import { RESTORING } from "../storage/sqlite/file.ts";
import { lockFile } from "../storage/sqlite/lock.ts";
import { type Checksums, checksumOf, readChecksums } from "./checksums.ts";
import { FolderError, INCOMPLETE, sync } from "./folder.ts";

/** The backup is damaged, or parts of it are missing. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

export interface Restored {
  readonly users: number;
  readonly pictures: number;
  /** Whether the backup had a list to compare the files with. */
  readonly isCompared: boolean;
}

const DATABASE = "portico.sqlite";
const PICTURES = "avatars";
/** Exists while the checked parts move to their places: what is there comes from a restore. */
const READY = "ready";

/**
 * Put the backup in `folder` into `dataDir`. Everything is copied and checked in a folder of its
 * own first. The SQLite file moves to its place last, so without it nothing is restored; a server
 * does not start on such a `dataDir`, and the next restore begins anew.
 * @throws {FolderError} one of the folders cannot be used
 * @throws {DamagedError}
 * @throws the reason of `stop`
 */
export async function restoreDataDir(
  folder: string,
  dataDir: string,
  stop: AbortSignal,
): Promise<Restored> {
  await throwIfNoBackup(folder);
  await throwIfInUse(dataDir);
  const restoring = join(dataDir, RESTORING);
  await mkdir(restoring, { recursive: true, mode: 0o700 });
  const restored = await withLock(join(restoring, "lock"), async () => {
    if (existsSync(join(restoring, READY))) {
      await rm(join(dataDir, PICTURES), { recursive: true, force: true });
      await rm(join(restoring, READY));
    }
    await throwIfInUse(dataDir);
    try {
      const checked = await copyAndCheck(folder, restoring, stop);
      await writeFile(join(restoring, READY), "");
      await syncAll(restoring);
      await rename(join(restoring, PICTURES), join(dataDir, PICTURES));
      await rename(join(restoring, DATABASE), join(dataDir, DATABASE));
      await sync(dataDir);
      return checked;
    } catch (error) {
      if (!existsSync(join(restoring, READY))) await rm(restoring, { recursive: true });
      throw error;
    }
  });
  await rm(restoring, { recursive: true });
  return restored;
}

async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  using _lock = lock(path);
  return await work();
}

function lock(path: string): Disposable {
  try {
    return lockFile(path, "`bun run restore`");
  } catch (error) {
    throw new FolderError(error instanceof Error ? error.message : `${error}`, { cause: error });
  }
}

async function throwIfNoBackup(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw new FolderError(
      `Cannot read ${folder}: ${cause instanceof Error ? cause.message : cause}`,
    );
  }
  if (names.includes(INCOMPLETE) || !names.includes(DATABASE)) {
    throw new FolderError(`${folder} is no complete backup of users: it has no ${DATABASE}`);
  }
}

/** A server that uses the folder has its SQLite file open, so the file is there. */
async function throwIfInUse(dataDir: string): Promise<void> {
  const names = existsSync(dataDir) ? await readdir(dataDir) : [];
  const database = names.find((name) => name.startsWith(DATABASE));
  const isInterrupted = existsSync(join(dataDir, RESTORING, READY));
  const pictures = existsSync(join(dataDir, PICTURES)) && !isInterrupted;
  const picture = pictures ? (await readdir(join(dataDir, PICTURES)))[0] : undefined;
  const found = database ?? (picture && `${PICTURES}/${picture}`);
  if (found === undefined) return;
  throw new FolderError(
    `Cannot restore into ${dataDir} (DATA_DIR): it has ${found}. Stop its servers, and move its ` +
      "data away first",
  );
}

async function copyAndCheck(folder: string, to: string, stop: AbortSignal): Promise<Restored> {
  for (const name of [DATABASE, PICTURES]) {
    await rm(join(to, name), { recursive: true, force: true });
  }
  const sums = await readChecksums(folder).catch((cause: Error) => {
    throw new DamagedError(`${folder}: ${cause.message}`, { cause });
  });
  await mkdir(join(to, PICTURES), { mode: 0o700 });
  const inFolder = existsSync(join(folder, PICTURES)) ? await readdir(join(folder, PICTURES)) : [];
  const listed = [...(sums?.keys() ?? [])].filter((path) => path !== DATABASE);
  const pictures = sums ? listed : inFolder.map((name) => `${PICTURES}/${name}`);
  for (const path of [DATABASE, ...pictures]) {
    stop.throwIfAborted();
    await copyOne(folder, to, path, sums);
  }
  const { users } = checkCopy(folder, join(to, DATABASE));
  return { users, pictures: pictures.length, isCompared: sums !== undefined };
}

async function copyOne(
  folder: string,
  to: string,
  path: string,
  sums: Checksums | undefined,
): Promise<void> {
  try {
    await copyFile(join(folder, path), join(to, path), constants.COPYFILE_FICLONE);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    throw new DamagedError(`${folder} is damaged: ${path} is missing`, { cause });
  }
  if (sums && sums.get(path) !== (await checksumOf(join(to, path)))) {
    throw new DamagedError(`${folder} is damaged: ${path} is not as its backup wrote it`);
  }
}

function checkCopy(folder: string, path: string): { users: number } {
  try {
    return checkSqliteCopy(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : `${cause}`;
    throw new DamagedError(`${folder} is damaged: ${DATABASE}: ${why}`, { cause });
  }
}

async function syncAll(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) await sync(join(folder, name));
  await sync(folder);
}
