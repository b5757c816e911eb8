import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { scripts } from "../package.json" with { type: "json" };
import { Child, Folder, ROOT } from "./child.ts";
import { Copy } from "./copy.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

async function run(root: string, args: readonly string[], environment: Record<string, string>) {
  const child = Bun.spawn([process.execPath, "run", ...args], {
    cwd: root,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** `bun run start` on free ports. */
class Start extends Child {
  constructor(root: string, environment: Record<string, string>) {
    const surroundings = { HTTP_PORT: "0", RPC_PORT: "0", STORAGE: "embedded", ...environment };
    super("start", { root, environment: surroundings });
  }
}

describe("a machine with Node, where Bun is not on the PATH", () => {
  /** Bun stands in for a missing `node`, but not if there is one. */
  async function pathWithoutBun(folder: Folder): Promise<string> {
    const bin = join(folder.path, "bin");
    await mkdir(bin);
    for (const name of ["sh", "node"]) await symlink(Bun.which("sh") ?? "/bin/sh", join(bin, name));
    return bin;
  }

  test.each(Object.keys(scripts))("runs `%s` by Bun's full path", async (command) => {
    await using folder = await Folder.make();
    const PATH = await pathWithoutBun(folder);
    const { exitCode, stdout, stderr } = await run(ROOT, [command, "--help"], { PATH });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`bun run ${command}`);
  });

  test("takes no other Bun from the PATH, unless npm runs the script", async () => {
    await using folder = await Folder.make();
    const PATH = await pathWithoutBun(folder);
    await Bun.write(join(PATH, "bun"), "#!/bin/sh\necho another Bun\n");
    await chmod(join(PATH, "bun"), 0o755);
    expect((await run(ROOT, ["rpc", "--help"], { PATH })).stdout).toContain("bun run rpc");
    // `npx bun run …` leaves npm's own path in the environment, and Bun keeps it.
    const byNpm = { PATH, npm_execpath: "/usr/lib/node_modules/npm/bin/npx-cli.js" };
    expect((await run(ROOT, ["rpc", "--help"], byNpm)).stdout).toBe("another Bun\n");
  });

  test("starts both tiers with the same Bun", async () => {
    await using folder = await Folder.make();
    const PATH = await pathWithoutBun(folder);
    await using start = new Start(ROOT, { PATH, DATA_DIR: join(folder.path, "data") });
    await start.waitFor(/"both tiers are running"/);
    start.kill("SIGTERM");
    expect(await start.exited()).toBe(0);
  });
});

describe("files named .env", () => {
  const NAMES = [".env", ".env.local", ".env.production", ".env.production.local"];
  const OTHER_NAMES = [
    ".env.development",
    ".env.development.local",
    ".env.test",
    ".env.test.local",
  ];
  const WRONG =
    "DATABASE_URL=nonsense\nREDIS_URL=nonsense\nHTTP_PORT=nonsense\nLOG_LEVEL=nonsense\n";

  async function folderWithFiles(): Promise<Folder> {
    const parts = ["package.json", "bunfig.toml", "schema", "src", "public"];
    const folder = await Copy.folderOf(parts);
    for (const name of [...NAMES, ...OTHER_NAMES]) await Bun.write(join(folder.path, name), WRONG);
    return folder;
  }

  test("are read by no command", async () => {
    await using folder = await folderWithFiles();
    const { PATH = "" } = process.env;
    for (const NODE_ENV of ["production", "development", "test", ""]) {
      const environment = { PATH, NODE_ENV, DATA_DIR: "data", STORAGE: "embedded" };
      const { exitCode, stdout, stderr } = await run(
        folder.path,
        ["migrate", "--status"],
        environment,
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
      expect(stdout).toStartWith("SQLite in data");
    }
  });

  test("are not read by `bun run start` and its tiers", async () => {
    await using folder = await folderWithFiles();
    const { PATH = "" } = process.env;
    await using start = new Start(folder.path, { PATH, DATA_DIR: join(folder.path, "data") });
    await start.waitFor(/"both tiers are running"/);
    start.kill("SIGTERM");
    expect(await start.exited()).toBe(0);
  });

  test("are ignored by git", async () => {
    const git = Bun.which("git");
    if (!git || !existsSync(join(ROOT, ".git"))) return;
    const ignored = Bun.spawnSync([git, "check-ignore", ...NAMES, ...OTHER_NAMES], { cwd: ROOT });
    expect(ignored.stdout.toString().trim().split("\n")).toEqual([...NAMES, ...OTHER_NAMES]);
  });
});
