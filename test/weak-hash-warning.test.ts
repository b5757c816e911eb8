import { expect, setDefaultTimeout, test } from "bun:test";
import { Child, Folder } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const STARTS = [
  ["tcp", /"msg":"listening"/],
  ["start", /"both tiers are running"/],
  ["dev", /Portico is running/],
] as const;

for (const [name, running] of STARTS) {
  test.each([
    ["salted-md5", 1],
    ["argon2id:m=19456,t=2,p=1", 0],
  ])(`${name} with PASSWORD_HASH=%s warns %d times`, async (PASSWORD_HASH, times) => {
    await using folder = await Folder.make();
    const environment = {
      ...{ HTTP_PORT: "0", RPC_PORT: "0", DATA_DIR: folder.path },
      PASSWORD_HASH,
    };
    await using child = new Child(`src/${name}-main.ts`, { environment });
    await child.waitFor(running);
    child.kill("SIGTERM");
    await child.exited();
    const lines = child.output.split("\n").filter((line) => line.includes("PASSWORD_HASH is"));
    expect(lines).toHaveLength(times);
    if (name !== "dev") expect(lines.filter((line) => !/"level":"warn"/.test(line))).toEqual([]);
  });
}
