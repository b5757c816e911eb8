import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { Child, Folder } from "./child.ts";
import { freePort } from "./ports.ts";
import { rpc } from "./rpc-command.ts";

// Many processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const CREDENTIALS = { username: "grace", password: "hopper1906" };

interface Place {
  readonly httpPort: number;
  readonly rpcPort: number;
  readonly environment: Record<string, string>;
}

function placeIn(dataDir: string): Place {
  const [httpPort, rpcPort] = [freePort(), freePort()];
  const ports = { HTTP_PORT: `${httpPort}`, RPC_PORT: `${rpcPort}` };
  return { httpPort, rpcPort, environment: { DATA_DIR: dataDir, ...ports, STORAGE: "embedded" } };
}

async function signUp({ httpPort }: Place): Promise<unknown> {
  const url = `http://127.0.0.1:${httpPort}/api/entrytask/user/signup`;
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(CREDENTIALS) });
  return response.json();
}

describe.each([
  ["dev", /Portico is running/],
  ["start", /"both tiers are running"/],
])("bun run %s without RPC_TOKEN", (command, running) => {
  test("gives both tiers a token, and `bun run rpc` with the same DATA_DIR that of admin", async () => {
    await using folder = await Folder.make();
    const place = placeIn(join(folder.path, "data"));
    const environment = { ...place.environment, LOG_LEVEL: "debug" };
    await using tiers = new Child(`src/${command}-main.ts`, { environment });
    await tiers.waitFor(running);
    expect(await signUp(place)).toMatchObject({ errCode: "7" });

    const paths = ["rpc-token", "admin-token"].map((name) => join(folder.path, "data", name));
    for (const path of paths) expect((await stat(path)).mode & 0o777).toBe(0o600);
    const ask = (dataDir: string) =>
      rpc(["System.health"], { port: place.rpcPort, environment: { DATA_DIR: dataDir } });
    expect(await ask(join(folder.path, "data"))).toMatchObject({ exitCode: 0, stderr: "" });
    await tiers.waitFor(/portico-rpc.*admin/); // In the line "greeted a client" of the TCP tier.
    expect(tiers.output).not.toMatch(/"build":"portico\/.*admin/);
    const stranger = await ask(folder.path);
    expect(stranger.exitCode).toBe(3);
    expect(stranger.stderr).toMatch(/asks for RPC_TOKEN[\s\S]*set DATA_DIR to the server's/);

    tiers.kill("SIGTERM");
    await tiers.exited();
    for (const path of paths) {
      const token = (await Bun.file(path).text()).trim();
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(tiers.output).not.toContain(token);
    }
  });

  test.each([
    ["rpc-token", "RPC_TOKEN"],
    ["admin-token", "RPC_TOKENS"],
  ])("does not start with a %s that others can read", async (file, variable) => {
    await using folder = await Folder.make();
    const path = join(folder.path, file);
    await Bun.write(path, "0123456789abcdef");
    await chmod(path, 0o644);
    const { environment } = placeIn(folder.path);
    await using tiers = new Child(`src/${command}-main.ts`, { environment });
    expect(await tiers.exited()).toBe(1);
    expect(tiers.output).toBe(
      `${path} can be read or written by other users (mode 644): chmod 600 ${path}, or set ${variable}\n`,
    );
  });
});

test.each(["rpc-token", "admin-token"])(
  "`bun run rpc` goes on without the %s of DATA_DIR if the server asks for none",
  async (file) => {
    await using folder = await Folder.make();
    const path = join(folder.path, file);
    await Bun.write(path, "0123456789abcdef");
    await chmod(path, 0o600);
    const { rpcPort, environment } = placeIn(folder.path);
    await using tcp = new Child("src/tcp-main.ts", { environment });
    await tcp.listening();
    const surroundings = { port: rpcPort, environment: { DATA_DIR: folder.path } };
    expect((await rpc(["System.health"], surroundings)).exitCode).toBe(0);
    // But it insists on a token that RPC_TOKEN gives.
    const told = { DATA_DIR: folder.path, RPC_TOKEN: "0123456789abcdef" };
    const { exitCode, stderr } = await rpc(["System.health"], { port: rpcPort, environment: told });
    expect(exitCode).toBe(3);
    expect(stderr).toContain("RPC_TOKEN is set here, but the server has none");
  },
);

describe.skipIf(!existsSync("/proc/self/environ"))("the tiers' processes", () => {
  test("get none of our variables that they do not read", async () => {
    await using folder = await Folder.make();
    const place = placeIn(folder.path);
    const environment = {
      ...place.environment,
      PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
      AVATAR_URL: "s3://pictures",
      S3_ENDPOINT: `http://127.0.0.1:${freePort()}`,
      S3_ACCESS_KEY_ID: "AKIAEXAMPLE",
      S3_SECRET_ACCESS_KEY: "s3cret",
      AWS_SESSION_TOKEN: "s3ssion",
    };
    await using start = new Child("src/start-main.ts", { environment });
    await start.waitFor(/"both tiers are running"/);
    const textOf = async (tier: string): Promise<string> => {
      const listening = new RegExp(`"tier":"${tier}","address":"[^"]+","pid":(\\d+)`);
      const [, pid] = await start.waitFor(listening);
      return await Bun.file(`/proc/${pid}/environ`).text();
    };
    const texts = [await textOf("http"), await textOf("tcp")] as const;
    const adminToken = (await Bun.file(join(folder.path, "admin-token")).text()).trim();
    expect(texts.map((text) => text.includes(adminToken))).toEqual([false, true]);
    const namesOf = (text: string) => text.split("\0").map((each) => each.replace(/=.*/s, ""));
    const [http, tcp] = [namesOf(texts[0]), namesOf(texts[1])];
    expect(http).toContain("S3_SECRET_ACCESS_KEY");
    expect(http).not.toContain("PASSWORD_HASH");
    expect(http).not.toContain("STORAGE");
    expect(tcp).toContain("PASSWORD_HASH");
    for (const name of [
      "S3_SECRET_ACCESS_KEY",
      "S3_ACCESS_KEY_ID",
      "AWS_SESSION_TOKEN",
      "HTTP_PORT",
    ]) {
      expect(tcp).not.toContain(name);
    }
    start.kill("SIGTERM");
    await start.exited();
  });
});
