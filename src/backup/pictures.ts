import { constants } from "node:fs";
import { copyFile, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { MOVED_MARK } from "../../schema/picture.ts";

/** Copies the pictures of a folder while Portico saves and removes some. */
export class Pictures {
  readonly #from: string;
  readonly #to: string;
  /** Name → size of the copy. */
  readonly #copied = new Map<string, number>();

  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = to;
  }

  get count(): number {
    return this.#copied.size;
  }

  get names(): string[] {
    return [...this.#copied.keys()];
  }

  get bytes(): number {
    return [...this.#copied.values()].reduce((sum, size) => sum + size, 0);
  }

  has(name: string): boolean {
    return this.#copied.has(name);
  }

  /** Copy the pictures that have not been copied yet, or whose size has changed since. */
  async copy(stop: AbortSignal): Promise<void> {
    await mkdir(this.#to, { recursive: true, mode: 0o700 });
    for (const name of await unlessGone(readdir(this.#from), [])) {
      stop.throwIfAborted();
      if (name === MOVED_MARK) continue;
      const file = await unlessGone(stat(join(this.#from, name)), undefined);
      if (!file?.isFile() || this.#copied.get(name) === file.size) continue;
      await unlessGone(this.#copyOne(name), undefined);
    }
  }

  async #copyOne(name: string): Promise<void> {
    const to = join(this.#to, name);
    // If the file system can, the copy shares its blocks with the picture.
    await copyFile(join(this.#from, name), to, constants.COPYFILE_FICLONE);
    this.#copied.set(name, (await stat(to)).size);
  }
}

/**
 * Return `otherwise` if the file or folder is missing: a picture was removed, or none was saved
 * yet.
 */
async function unlessGone<T>(found: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return otherwise;
    throw error;
  }
}
