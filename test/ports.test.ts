import { expect, setDefaultTimeout, test } from "bun:test";
import { Folder } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("freePort() gives no port twice, also to other processes", async () => {
  await using folder = await Folder.make();
  const code = `import { freePort } from "${import.meta.dir}/ports.ts";
    for (let n = 0; n < 400; n++) console.log(freePort());`;
  const env = { ...process.env, TMPDIR: folder.path };
  const start = () => Bun.spawn([process.execPath, "--eval", code], { env });
  const children = [start(), start(), start()];
  const texts = await Promise.all(children.map(({ stdout }) => new Response(stdout).text()));
  const ports = texts.join("").trim().split("\n");
  expect(ports).toHaveLength(1200);
  expect(new Set(ports).size).toBe(1200);
});
