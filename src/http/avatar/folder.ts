import { mkdir, open, opendir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MOVED_MARK } from "../../../schema/picture.ts";
import { RpcError } from "../../rpc/error.ts";
import {
  type AvatarStore,
  isGeneratedName,
  isPictureName,
  isUnfinished,
  unfinishedName,
} from "./store.ts";

const NAMES_PER_LIST = 1000;

/** Pictures in a folder, which is created with the first picture. */
export class AvatarFolder implements AvatarStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Write under another name first: the process may end, or the disk fill up, before the end.
   * @throws {RpcError} unavailable: the pictures have moved
   */
  async save(name: string, picture: Uint8Array<ArrayBuffer>): Promise<void> {
    const place = await this.movedTo();
    if (place !== undefined) {
      throw new RpcError("unavailable", `Cannot save picture: the pictures have moved to ${place}`);
    }
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

  /** Return the bytes, not a file to read later: the file may be removed before that. */
  async find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!isPictureName(name)) return undefined;
    return undefinedIfMissing(readFile(join(this.#folder, name)));
  }

  /** Where the pictures have moved; undefined if they are here. */
  async movedTo(): Promise<string | undefined> {
    const place = await undefinedIfMissing(readFile(join(this.#folder, MOVED_MARK), "utf8"));
    return place?.trim();
  }

  /** Take no pictures any more. */
  async retire(place: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, MOVED_MARK), `${place}\n`);
  }

  /** Take pictures again. */
  async reinstate(): Promise<void> {
    await rm(join(this.#folder, MOVED_MARK), { force: true });
  }

  async *list(before: Date): AsyncGenerator<readonly string[]> {
    let names: string[] = [];
    for await (const entry of (await undefinedIfMissing(opendir(this.#folder))) ?? []) {
      const { name } = entry;
      if (!entry.isFile() || !(isGeneratedName(name) || isUnfinished(name))) continue;
      const found = await undefinedIfMissing(stat(join(this.#folder, name)));
      if (!found || found.mtime >= before) continue;
      names.push(name);
      if (names.length < NAMES_PER_LIST) continue;
      yield names;
      names = [];
    }
    if (names.length > 0) yield names;
  }
}

async function undefinedIfMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
