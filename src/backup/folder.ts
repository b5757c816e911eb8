import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * The folder of the parts until all are there. A backup that still has this folder is incomplete.
 */
export const INCOMPLETE = "incomplete";

/** The folder cannot be used. */
export class FolderError extends Error {
  override readonly name = "FolderError";
}

/** A folder that holds a whole backup or nothing: the parts move out of `incomplete` at the end. */
export class BackupFolder {
  readonly #path: string;
  /** Whether this backup created the folder. */
  readonly #isMade: boolean;
  readonly #parts: string[] = [];

  private constructor(path: string, isMade: boolean) {
    this.#path = path;
    this.#isMade = isMade;
  }

  /** @throws {FolderError} it is not empty, or is a file */
  static async create(path: string): Promise<BackupFolder> {
    let made: string | undefined;
    let found: string[];
    try {
      made = await mkdir(path, { recursive: true, mode: 0o700 });
      found = await readdir(path);
    } catch (cause) {
      throw new FolderError(`Cannot use ${path} as a folder: ${reason(cause)}`, { cause });
    }
    if (found.length > 0)
      throw new FolderError(`Cannot use ${path}: the folder is not empty, it has ${found[0]}`);
    await mkdir(join(path, INCOMPLETE), { mode: 0o700 });
    return new BackupFolder(path, made !== undefined);
  }

  /**
   * The path to write a part to, a file or a folder. `finish()` moves the parts in the order of
   * these calls, so a backup that has the last part is whole.
   */
  part(name: string): string {
    this.#parts.push(name);
    return join(this.#path, INCOMPLETE, name);
  }

  /** Move all parts to their places, after they are on the disk. */
  async finish(): Promise<void> {
    const incomplete = join(this.#path, INCOMPLETE);
    for (const name of await readdir(incomplete, { recursive: true })) {
      await sync(join(incomplete, name));
    }
    for (const name of this.#parts) await rename(join(incomplete, name), join(this.#path, name));
    await rmdir(incomplete);
    await sync(this.#path);
  }

  /** Remove everything that this backup created. */
  async abandon(): Promise<void> {
    for (const name of [INCOMPLETE, ...this.#parts]) {
      await rm(join(this.#path, name), { recursive: true, force: true });
    }
    if (this.#isMade) await rmdir(this.#path);
  }
}

/** Wait until a file or folder is on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
