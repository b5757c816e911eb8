import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AvatarStore, isPictureName } from "./store.ts";

/** Pictures in a folder, which is made when the first one is saved. */
export class AvatarFolder implements AvatarStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async save(name: string, picture: Blob): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await Bun.write(join(this.#folder, name), picture);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  async find(name: string): Promise<Bun.BunFile | undefined> {
    if (!isPictureName(name)) return undefined;
    const file = Bun.file(join(this.#folder, name));
    return (await file.exists()) ? file : undefined;
  }
}
