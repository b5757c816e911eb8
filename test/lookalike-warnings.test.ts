import { expect, setDefaultTimeout, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { Child, Folder, ROOT } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const WRONG = { HTPP_PORT: "s3cret-1", PORT: "s3cret-2", DATABSE_URL: "mysql://u:s3cret-3@h/d" };

function expectWarnings(output: string): void {
  for (const name of Object.keys(WRONG)) {
    const told = output.match(new RegExp(`\\b${name} is no variable of Portico`, "g"));
    expect(told).toHaveLength(1);
  }
  expect(output).toContain(
    "HTPP_PORT is no variable of Portico and has no effect: did you mean HTTP_PORT?",
  );
  expect(output).toContain("did you mean DATABASE_URL?");
  expect(output).not.toContain("s3cret");
}

test.each([
  ["tcp", /"msg":"listening"/],
  ["http", /"msg":"listening"/],
  ["start", /"both tiers are running"/],
  ["dev", /Portico is running/],
])(
  "%s warns once about each variable that looks like one of ours, and starts",
  async (name, running) => {
    await using folder = await Folder.make();
    const ports = { HTTP_PORT: "0", RPC_PORT: "0", RPC_ADDRESSES: "127.0.0.1:1" };
    // A shell may set this; `dev` is for development all the same.
    const more = name === "dev" ? { NODE_ENV: "production" } : {};
    const environment = { ...WRONG, ...ports, ...more, DATA_DIR: folder.path };
    await using child = new Child(`src/${name}-main.ts`, { environment });
    await child.waitFor(running);
    child.kill("SIGTERM");
    await child.exited();
    expectWarnings(child.output);
  },
);

test.each([
  ["migrate", ["--status"]],
  ["seed", ["--users", "1"]],
  ["backup", ["copy"]],
  ["sweep", ["--dry-run"]],
  ["rpc", ["--address", "127.0.0.1:1"]],
])("%s names them on stderr: what reads its stdout gets its result alone", async (name, args) => {
  await using folder = await Folder.make();
  const { PATH = "" } = process.env;
  const child = Bun.spawn([process.execPath, join(ROOT, `src/${name}-main.ts`), ...args], {
    cwd: folder.path,
    env: { PATH, ...WRONG, DATA_DIR: "data" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  expectWarnings(stderr);
  expect(stdout).not.toContain("is no variable of Portico");
});

test("scripts that run before the install need no dependencies", async () => {
  await using folder = await Folder.make();
  for (const name of ["src", "schema", "test", "package.json"]) {
    await cp(join(ROOT, name), join(folder.path, name), { recursive: true });
  }
  for (const script of ["src/dev-main.ts", "test/main.ts"]) {
    const bare = Bun.spawn([process.execPath, "--no-install", script, "--help"], {
      cwd: folder.path,
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(await new Response(bare.stderr).text()).toBe("");
    expect(await bare.exited).toBe(0);
  }
});
