import { mkdir, open, opendir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type AvatarStore,
  isGeneratedName,
  isPictureName,
  isUnfinished,
  unfinishedName,
} from "./store.ts";

const LISTED_AT_ONCE = 1000;

/** Pictures in a folder, which is made when the first one is saved. */
export class AvatarFolder implements AvatarStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Under another name first: a process may end, and a disk be full, in the middle of it. */
  async save(name: string, picture: Uint8Array<ArrayBuffer>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const unfinished = join(this.#folder, unfinishedName(name));
    try {
      const file = await open(unfinished, "wx");
      try {
        await file.writeFile(picture);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, join(this.#folder, name));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  /** Its bytes, not a file to be read later: it may be removed in between. */
  async find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!isPictureName(name)) return undefined;
    return unlessGone(readFile(join(this.#folder, name)));
  }

  async *list(before: Date): AsyncGenerator<readonly string[]> {
    let names: string[] = [];
    for await (const entry of (await unlessGone(opendir(this.#folder))) ?? []) {
      const { name } = entry;
      if (!entry.isFile() || !(isGeneratedName(name) || isUnfinished(name))) continue;
      const found = await unlessGone(stat(join(this.#folder, name)));
      if (!found || found.mtime >= before) continue;
      names.push(name);
      if (names.length < LISTED_AT_ONCE) continue;
      yield names;
      names = [];
    }
    if (names.length > 0) yield names;
  }
}

async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
