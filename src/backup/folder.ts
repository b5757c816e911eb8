import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

/** Where all is gathered; a folder that still has it is no backup. */
const INCOMPLETE = "incomplete";

/** The folder cannot be used as it is. */
export class FolderError extends Error {
  override readonly name = "FolderError";
}

/**
 * A folder that holds a whole backup or nothing: what is gathered in `incomplete` gets its place at
 * the end, at once.
 */
export class BackupFolder {
  readonly #path: string;
  /** Whether the folder was made for it. */
  readonly #isMade: boolean;
  readonly #parts: string[] = [];

  private constructor(path: string, isMade: boolean) {
    this.#path = path;
    this.#isMade = isMade;
  }

  /** @throws {FolderError} there is something in it, or it is a file */
  static async create(path: string): Promise<BackupFolder> {
    let made: string | undefined;
    let found: string[];
    try {
      made = await mkdir(path, { recursive: true, mode: 0o700 });
      found = await readdir(path);
    } catch (cause) {
      throw new FolderError(`${path} is no folder: ${reason(cause)}`, { cause });
    }
    if (found.length > 0) throw new FolderError(`${path} is not empty: it has ${found[0]}`);
    await mkdir(join(path, INCOMPLETE), { mode: 0o700 });
    return new BackupFolder(path, made !== undefined);
  }

  /** Where to write a part, a file or a folder, of which the last one makes it whole. */
  part(name: string): string {
    this.#parts.push(name);
    return join(this.#path, INCOMPLETE, name);
  }

  /** Give all parts their places, once they are on the disk. */
  async finish(): Promise<void> {
    const incomplete = join(this.#path, INCOMPLETE);
    for (const name of await readdir(incomplete, { recursive: true })) {
      await sync(join(incomplete, name));
    }
    for (const name of this.#parts) await rename(join(incomplete, name), join(this.#path, name));
    await rmdir(incomplete);
    await sync(this.#path);
  }

  /** Leave nothing. */
  async abandon(): Promise<void> {
    for (const name of [INCOMPLETE, ...this.#parts]) {
      await rm(join(this.#path, name), { recursive: true, force: true });
    }
    if (this.#isMade) await rmdir(this.#path);
  }
}

async function sync(path: string): Promise<void> {
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
