import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./child.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { startStack } from "./stack.ts";

// Runs the six calls of the README, as they stand there, but for the address.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const CURL = programPath(PROGRAMS.curl);
const ADDRESS = "http://127.0.0.1:9090";

/** A folder that has `public` and may get files. */
async function workingFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "portico-readme-"));
  await symlink(join(ROOT, "public"), join(path, "public"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function block(): Promise<string> {
  const readme = await Bun.file(join(ROOT, "README.md")).text();
  const blocks = Array.from(readme.matchAll(/^```sh\n(.*?)^```$/gms), ([, text = ""]) => text);
  return blocks.find((text) => text.includes("curl")) ?? "";
}

describe.skipIf(!CURL)("the calls of the README, by curl,", () => {
  test("are the six of the API, and all of them succeed in order", async () => {
    await using stack = await startStack();
    await using folder = await workingFolder();
    const commands = await block();
    expect(commands).toContain(ADDRESS);
    const shell = Bun.spawn(
      ["sh", "-ec", commands.replace(ADDRESS, stack.url).replaceAll("/tmp/", "")],
      {
        cwd: folder.path,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const output = await new Response(shell.stdout).text();
    expect(await shell.exited).toBe(0);

    const answers = output.match(/\{"errCode".*?\}(?=\{"errCode"|$)/g) ?? [];
    const succeeded = { errCode: "7", errMsg: "success" };
    expect(answers.map((answer): unknown => JSON.parse(answer))).toEqual([
      { ...succeeded, data: "" },
      { ...succeeded, data: "" },
      {
        ...succeeded,
        data: { username: "grace", nickname: "grace", profilePath: "default.webp" },
      },
      { ...succeeded, data: "Amazing" },
      { ...succeeded, data: { profilePath: expect.stringMatching(/^[\da-f-]{36}\.webp$/) } },
      { ...succeeded, data: "" },
    ]);
  });
});
