import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readStartSettings } from "../src/config/start-settings.ts";
import { Child, Folder, ROOT } from "./child.ts";
import { freePort } from "./ports.ts";

// Real processes with settings in files.

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const CREDENTIALS = { username: "grace", password: "hopper1906" };
const PEPPER = "2026:s3cret-of-the-pepper";
const TOKEN = "s3cret-of-both-tiers";

async function write(folder: Folder, name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await Bun.write(path, text);
  await chmod(path, 0o600);
  return path;
}

/** The environments of the processes that wrote a line "listening". */
function environments(output: string): { http: string; tcp: string } {
  const environmentOf = (name: string) => {
    const line = output
      .split("\n")
      .find((each) => each.includes(`"tier":"${name}"`) && each.includes('"msg":"listening"'));
    const { pid } = JSON.parse(line ?? "{}");
    return readFileSync(`/proc/${pid}/environ`, "utf8").replaceAll("\0", "\n");
  };
  return { http: environmentOf("http"), tcp: environmentOf("tcp") };
}

describe.each([
  ["start", /"both tiers are running"/, /"address":"(http:[^"]+)".*"both tiers are running"/],
  ["dev", /Portico is running/, /Pages +(http:\/\/[^\s/]+)\//],
])("%s", (command, running, address) => {
  test("has its settings from TOML and from files of secrets, and no tier gets the other's", async () => {
    await using folder = await Folder.make();
    const pepper = await write(folder, "pepper", `${PEPPER}\n`);
    const config = await write(
      folder,
      "portico.toml",
      `HTTP_PORT = 0
RPC_PORT = ${freePort()}
STORAGE = "embedded"
DATA_DIR = ${JSON.stringify(join(folder.path, "data"))}
PASSWORD_PEPPER_FILE = ${JSON.stringify(pepper)}
DOCS = false
RPC_TOKENS = ["admin:s3cret-of-the-admin"]
`,
    );
    const token = await write(folder, "token", `${TOKEN}\n`);
    await using tiers = new Child(`src/${command}-main.ts`, {
      args: ["--config", config],
      environment: { RPC_TOKEN_FILE: token },
    });
    await tiers.waitFor(running);
    const [, url] = await tiers.waitFor(address);
    const signedUp = await fetch(`${url}/api/entrytask/user/signup`, {
      method: "POST",
      body: new URLSearchParams(CREDENTIALS),
    });
    expect(await signedUp.json()).toMatchObject({ errCode: "7" });
    expect((await fetch(`${url}/docs`)).status).toBe(404);

    const { http, tcp } = environments(tiers.output);
    expect(tcp).toContain(`PASSWORD_PEPPER=${PEPPER}`);
    expect(http).not.toContain("PEPPER");
    expect(http).not.toContain("s3cret-of-the-admin");
    for (const environment of [http, tcp]) {
      expect(environment).toContain(`RPC_TOKEN=${TOKEN}`);
      expect(environment).not.toContain("_FILE=");
    }
    expect(tiers.output).not.toContain("s3cret");
    tiers.kill("SIGTERM");
    expect(await tiers.exited()).toBe(0);
  });

  test("ends with 1 at a wrong value, and names its place", async () => {
    await using folder = await Folder.make();
    const config = await write(folder, "portico.toml", "\nHTTP_PORT = 70000\n");
    await using tiers = new Child(`src/${command}-main.ts`, { args: ["--config", config] });
    expect(await tiers.exited()).toBe(1);
    expect(tiers.output).toContain(`HTTP_PORT (${config}, line 2) is "70000"`);
  });
});

test("start:http reads a file of both tiers, and keeps nothing of the TCP tier", async () => {
  await using folder = await Folder.make();
  const config = await write(
    folder,
    "portico.toml",
    `HTTP_PORT = 0
RPC_ADDRESSES = ["127.0.0.1:1"]
DATA_DIR = ${JSON.stringify(folder.path)}
DATABASE_URL = "mysql://portico:s3cret@db/portico"
REDIS_URL = "nonsense"
PASSWORD_PEPPER_FILE = "/nowhere"
`,
  );
  await chmod(config, 0o644);
  await using http = new Child("src/http-main.ts", {
    args: ["--config", config],
    environment: { REDIS_URL_FILE: "/nowhere" },
  });
  await http.listening();
  expect(http.output).toContain(`${config} holds DATABASE_URL`);
  expect(http.output).not.toContain("s3cret");
});

test("start:tcp names the file of a wrong value, not its content", async () => {
  await using folder = await Folder.make();
  const secret = await write(folder, "secret", "s3cret");
  await using tcp = new Child("src/tcp-main.ts", {
    environment: { DATABASE_URL_FILE: secret, RPC_PORT_FILE: secret, REDIS_URL_FILE: "/nowhere" },
  });
  expect(await tcp.exited()).toBe(1);
  expect(tcp.output.trim()).toBe('REDIS_URL_FILE names "/nowhere", which does not exist');
  await using other = new Child("src/tcp-main.ts", {
    environment: { DATABASE_URL_FILE: secret, RPC_PORT_FILE: secret },
  });
  expect(await other.exited()).toBe(1);
  expect(other.output).toContain("DATABASE_URL (from DATABASE_URL_FILE) must be mysql://");
  expect(other.output).toContain('RPC_PORT (from RPC_PORT_FILE) is "…"');
  expect(other.output).not.toContain("s3cret");
});

describe("commands", () => {
  const run = async (folder: Folder, command: string, args: readonly string[]) => {
    const { PATH = "" } = process.env;
    const child = Bun.spawn([process.execPath, join(ROOT, `src/${command}-main.ts`), ...args], {
      cwd: folder.path,
      env: { PATH },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    return { exitCode: await child.exited, stdout, stderr };
  };

  test("take --config; its paths are relative to the working directory", async () => {
    await using folder = await Folder.make();
    await mkdir(join(folder.path, "etc"));
    const hash = 'PASSWORD_HASH = "argon2id:m=64,t=1,p=1"';
    await write(folder, "etc/portico.toml", `DATA_DIR = "data"\n${hash}\nRPC_PORT = 1\n`);
    const config = ["--config", "etc/portico.toml"];
    expect(await run(folder, "migrate", config)).toMatchObject({ exitCode: 0 });
    expect(await run(folder, "seed", ["--users", "2", ...config])).toMatchObject({ exitCode: 0 });
    const copied = await run(folder, "backup", ["copy", ...config]);
    expect(copied.stdout).toStartWith("Copied 2 users and 0 pictures from data to copy");
    expect(await run(folder, "sweep", config)).toMatchObject({ exitCode: 0 });
    const asked = await run(folder, "rpc", ["System.health", ...config, "--deadline", "500ms"]);
    expect(asked).toMatchObject({ exitCode: 3 });
    expect(asked.stderr).toContain("127.0.0.1:1");
  });

  test.each([
    ["migrate", []],
    ["seed", ["--users", "1"]],
    ["backup", ["copy"]],
    ["sweep", []],
    ["rpc", []],
  ])("%s ends with 2 if the file is wrong", async (command, args) => {
    await using folder = await Folder.make();
    await write(folder, "portico.toml", 'DATA_DIRR = "s3cret"\n');
    const ended = await run(folder, command, [...args, "--config", "portico.toml"]);
    expect(ended).toEqual({
      exitCode: 2,
      stdout: "",
      stderr:
        'portico.toml, line 1: "DATA_DIRR" is no variable of Portico: did you mean DATA_DIR?\n',
    });
  });

  test("rpc: --address and --token replace what files say", async () => {
    await using folder = await Folder.make();
    const wrong = 'RPC_TOKEN_FILE = "/nowhere"\nRPC_ADDRESSES_FILE = "/nowhere"\nRPC_PORT = 1\n';
    await write(folder, "portico.toml", wrong);
    const stated = ["--address", "127.0.0.1:1", "--token", "0123456789abcdef"];
    const args = ["System.health", "--config", "portico.toml", ...stated, "--deadline", "500ms"];
    expect(await run(folder, "rpc", args)).toMatchObject({ exitCode: 3 });
  });
});

test("the example of docs/operations.md is valid", async () => {
  await using folder = await Folder.make();
  const page = await Bun.file(join(ROOT, "docs/operations.md")).text();
  const [, example = ""] = /^```toml\n(.*?)^```/ms.exec(page) ?? [];
  const secrets = {
    "database-url": "mysql://portico:s3cret@db.internal/portico",
    "rpc-token": TOKEN,
  };
  let text = example;
  for (const [name, secret] of Object.entries(secrets)) {
    expect(text).toContain(`/run/secrets/${name}"`);
    text = text.replace(`/run/secrets/${name}`, await write(folder, name, secret));
  }
  const path = await write(folder, "portico.toml", text);
  const { config, environment, warnings } = readStartSettings(
    { NODE_ENV: "production", DATA_DIR: folder.path },
    path,
  );
  expect(config.tcp.databaseUrl).toBe(secrets["database-url"]);
  expect(config.http.trustedProxies).toBeDefined();
  expect(environment.RPC_TOKEN).toBe(TOKEN);
  expect(warnings).toEqual([]);
});
