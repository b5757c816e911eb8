import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { eventually } from "../../test/storage-pairs.ts";
import { Changes } from "./changes.ts";

// A shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("a burst of changes is handled at once, after the one before it", async () => {
  await using folder = await Folder.make();
  await mkdir(join(folder.path, "src"));
  const write = (name: string) => Bun.write(join(folder.path, "src", name), "x");
  const start = Promise.withResolvers<void>();
  const bursts: string[][] = [];
  const changes = new Changes(start.promise, async (files) => {
    bursts.push(files.toSorted());
  });
  changes.watch(folder.path, ["src"]);
  for (const name of ["a.ts", "b.ts", "emitted.ts", ".a.ts.swp", "a.ts~", "a.test.ts"]) {
    await write(name);
  }
  await Bun.sleep(500);
  expect(bursts).toEqual([]);
  changes.forget(/^src\/emitted/);
  start.resolve();
  await eventually("the first burst is handled", async () => bursts.length === 1);
  await write("c.ts");
  await eventually("the second burst is handled", async () => bursts.length === 2);
  expect(bursts).toEqual([["src/a.ts", "src/b.ts"], ["src/c.ts"]]);
});
