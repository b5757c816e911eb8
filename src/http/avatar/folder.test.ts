import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../../test/child.ts";
import { AvatarFolder } from "./folder.ts";
import { newPictureName } from "./store.ts";

// A shared disk: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PICTURE = new Uint8Array(300_000).fill(7);

describe("a folder", () => {
  test("returns a picture that is removed before it is sent", async () => {
    await using folder = await Folder.make();
    const avatars = new AvatarFolder(join(folder.path, "avatars"));
    const name = newPictureName();
    await avatars.save(name, PICTURE);
    const found = await avatars.find(name);
    await avatars.remove(name);
    expect(await new Response(found).bytes()).toEqual(PICTURE);
    expect(await avatars.find(name)).toBeUndefined();
  });

  test("returns the picture or undefined, never an error, while it is saved and removed", async () => {
    await using folder = await Folder.make();
    const avatars = new AvatarFolder(folder.path);
    const name = newPictureName();
    let isOver = false;
    const changing = async () => {
      for (let round = 0; round < 100; round++) {
        await avatars.save(name, PICTURE);
        await avatars.remove(name);
      }
      isOver = true;
    };
    const seen = new Set<number | undefined>();
    const reading = async () => {
      while (!isOver) seen.add((await avatars.find(name))?.length);
    };
    await Promise.all([changing(), reading(), reading()]);
    expect([...seen].filter((length) => length !== PICTURE.length && length !== undefined)).toEqual(
      [],
    );
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("keeps no file after a failed save", async () => {
    await using folder = await Folder.make();
    const avatars = new AvatarFolder(folder.path);
    const name = newPictureName();
    // Something is in the way of the rename.
    await Bun.write(join(folder.path, name, "x"), "x");
    await expect(avatars.save(name, PICTURE)).rejects.toThrow();
    expect(await readdir(folder.path)).toEqual([name]);
  });

  test("returns only files with a picture's name, and no unfinished ones", async () => {
    await using folder = await Folder.make();
    const avatars = new AvatarFolder(join(folder.path, "avatars"));
    await avatars.save(newPictureName(), PICTURE);
    await Bun.write(join(folder.path, "secret.webp"), "hidden");
    const left = `${newPictureName()}.part`;
    await Bun.write(join(folder.path, "avatars", left), "hidden");
    await symlink("nowhere", join(folder.path, "avatars", "broken.webp"));
    for (const name of ["../secret.webp", left, "", ".", "broken.webp"]) {
      expect(await avatars.find(name)).toBeUndefined();
    }
  });
});
