import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

const FILE_NAME = /^[A-Za-z0-9_-]{1,100}\.webp$/;

/** The saved pictures: one folder, and beside it the pictures that come with Portico. */
export class AvatarFiles {
  readonly #folder: string;
  readonly #builtInFolder: string;

  constructor(folder: string, builtInFolder: string) {
    this.#folder = folder;
    this.#builtInFolder = builtInFolder;
  }

  /** Save a picture under a fresh name that nobody outside has a part in; returns the name. */
  async save(webp: Uint8Array): Promise<string> {
    const name = `${randomUUID()}.webp`;
    await mkdir(this.#folder, { recursive: true });
    try {
      await Bun.write(join(this.#folder, name), webp);
    } catch (error) {
      await this.remove(name); // Nothing half-written stays behind.
      throw error;
    }
    return name;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  /** The file of a picture, or undefined where there is none of that name. */
  async find(name: string): Promise<Bun.BunFile | undefined> {
    if (!FILE_NAME.test(name)) return undefined;
    for (const folder of [this.#folder, this.#builtInFolder]) {
      const file = Bun.file(join(folder, name));
      if (await file.exists()) return file;
    }
    return undefined;
  }
}
