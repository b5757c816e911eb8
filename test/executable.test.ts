import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Child, Folder } from "./child.ts";
import { build, canChroot, EmptyRoot, EXECUTABLE } from "./executable.ts";
import { freePort } from "./ports.ts";

// The executable in a chroot that has only the C library. `test/contract-in-chroot-main.ts` runs the
// whole contract there.

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const PICTURE = new Uint8Array(
  await Bun.file(join(import.meta.dir, "pictures/orientation-6.jpeg")).bytes(),
);

describe.skipIf(!canChroot)("the executable, in a chroot with only the C library", () => {
  let root: EmptyRoot;
  let folder: Folder;
  beforeAll(async () => {
    await build();
    root = await EmptyRoot.create();
    folder = await Folder.make();
  });
  afterAll(async () => {
    await root?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const start = (command: string, environment: Record<string, string>, ...args: string[]) =>
    new Child(command, { program: root.command, environment, args });

  async function ended(command: string, environment: Record<string, string>, ...args: string[]) {
    await using child = start(command, environment, ...args);
    return { exitCode: await child.exited(), output: child.output };
  }

  test("serves the API, pages, pictures and commands, and ends by SIGTERM", async () => {
    const environment = {
      STORAGE: "embedded",
      DATA_DIR: join(folder.path, "data"),
      PASSWORD_STRICT: "on",
      HTTP_PORT: `${freePort()}`,
      RPC_PORT: `${freePort()}`,
    };
    await using running = start("start", environment);
    const [, url = ""] = await running.waitFor(/"address":"(http[^"]+)".*"both tiers are running"/);
    const api = `${url}/api/entrytask/user`;
    const post = (path: string, fields: Record<string, string>) =>
      fetch(`${api}/${path}`, { method: "POST", body: new URLSearchParams(fields) });
    const grace = { username: "grace", password: "hopper1906" };
    expect((await post("signup", { ...grace, password: "password" })).status).toBe(400);
    expect((await post("signup", grace)).status).toBe(200);
    const cookie = (await post("signin", grace)).headers.get("Set-Cookie")?.split(";")[0] ?? "";
    const form = new FormData();
    form.append("profilePic", new File([PICTURE], "picture.jpeg"));
    const headers = { Cookie: cookie };
    const saved = await fetch(`${api}/update_profile_pic`, { method: "POST", body: form, headers });
    const { data } = (await saved.json()) as { data: { profilePath: string } };
    for (const path of [
      ...["/signIn.html", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/readyz"],
      `/avatars/${data.profilePath}`,
    ]) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
    }
    expect(await ended("rpc", environment, "System.health")).toMatchObject({ exitCode: 0 });
    expect(await ended("probe", {}, `${url}/readyz`)).toMatchObject({ exitCode: 0 });
    const backup = await ended("backup", environment, join(folder.path, "copy"));
    expect(backup.output).toStartWith("Copied 1 users and 1 pictures");
    running.kill("SIGTERM");
    expect(await running.exited()).toBe(0);
  });

  test.each([
    [["--version"], 0, /^portico \d+\.\d+\.\d+ \([0-9a-f]+(-dirty)?\)\n$/],
    [["help"], 0, /^ {2}portico start +run both tiers for production$/m],
    [["start"], 1, /DATABASE_URL and REDIS_URL must be set, as this is production/],
    [["migrate", "--stat"], 2, /`portico migrate` takes --config, --status/],
    [["seed"], 2, /^--users is missing: portico seed --users 10000$/m],
    [["dev"], 2, /^There is no command of this name: it is one of start, tcp, http, /],
  ])("%j ends with %d", async ([command = "", ...args], exitCode, said) => {
    const { output, ...how } = await ended(command, {}, ...args);
    expect(output).toMatch(said);
    expect(how).toEqual({ exitCode });
  });
});

test.skipIf(!canChroot)("the executable does not read .env and bunfig.toml", async () => {
  await using folder = await Folder.make();
  await Bun.write(join(folder.path, ".env"), "HTTP_PORT=nonsense\n");
  await Bun.write(join(folder.path, "bunfig.toml"), "nonsense");
  const child = Bun.spawn([EXECUTABLE, "start"], {
    cwd: folder.path,
    env: {},
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said =
    (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  expect(said).toContain("DATABASE_URL");
  expect(said).not.toContain("HTTP_PORT");
});
