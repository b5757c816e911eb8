import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { scripts } from "../package.json" with { type: "json" };
import { HELP } from "../src/cli/help.ts";
import { COMMANDS as LISTED } from "../src/help-main.ts";
import { Folder, ROOT } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const COMMANDS = Object.keys(scripts);

/** `bun run <command> <args>` as a shell starts it, with all that it needs to really start. */
async function run(command: string, args: readonly string[], dataDir: string) {
  const { PATH = "" } = process.env;
  const child = Bun.spawn([process.execPath, "run", command, ...args], {
    cwd: ROOT,
    env: { PATH, DATA_DIR: dataDir, HTTP_PORT: "0", RPC_PORT: "0", STORAGE: "embedded" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

describe.each(COMMANDS)("bun run %s", (command) => {
  test.each(["--help", "-h", "help"])("%s prints help, and starts nothing", async (flag) => {
    await using folder = await Folder.make();
    const dataDir = join(folder.path, "data");
    const { exitCode, stdout, stderr } = await run(command, [flag], dataDir);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`bun run ${command}`);
    // The output of an install, or of a tier that has started.
    expect(stdout).not.toMatch(/installs?\b.*\[|"level":/);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("--help=x is refused with 2, and starts nothing", async () => {
    await using folder = await Folder.make();
    const { exitCode, stdout } = await run(command, ["--help=x"], join(folder.path, "data"));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  test.each([
    ["an option that it does not have", ["--no-such-option"]],
    ["an argument that it does not take", ["System.health", "{}", "stray"]],
  ])("ends with 2 for %s, says what it takes, and starts nothing", async (_what, args) => {
    await using folder = await Folder.make();
    const dataDir = join(folder.path, "data");
    const { exitCode, stdout, stderr } = await run(command, args, dataDir);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(/--help|bun run |SERVICE\.METHOD|Quote it/);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe("bun run help", () => {
  test("lists the scripts of package.json, one line each, in the same order", async () => {
    await using folder = await Folder.make();
    const { exitCode, stdout } = await run("help", [], folder.path);
    const lines = [...stdout.matchAll(/^ {2}bun run ([a-z:-]+) {2,}\S.*$/gm)];
    expect(exitCode).toBe(0);
    expect(lines.map(([, name]) => name)).toEqual(COMMANDS);
    expect(Object.keys(LISTED)).toEqual(COMMANDS);
  });

  test.each(Object.entries(HELP))("%s --help fits 80 columns", (command, text) => {
    expect(text).toContain(`bun run ${command}`);
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("has the order of the table in the README", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const [, table = ""] = /^## Commands\n(.*?)^## /ms.exec(readme) ?? [];
    const rows = table.split("\n").filter((line) => line.startsWith("|"));
    const named = [...rows.join("\n").matchAll(/`bun run ([a-z:-]+)`/g)].map(([, name]) => name);
    expect(named).toEqual(COMMANDS);
  });
});

test("no command repeats a secret that it does not understand", async () => {
  await using folder = await Folder.make();
  for (const argument of [
    "mysql://user:s3cret@host/db",
    "mysql://user:s3@cret@host/db",
    "RPC_TOKEN=s3cret",
    "--tokn=s3cret",
  ]) {
    const { exitCode, stderr } = await run("migrate", [argument], folder.path);
    expect(exitCode).toBe(2);
    expect(stderr).not.toMatch(/s3cret|cret/);
  }
});
