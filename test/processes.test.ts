import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { SystemClient } from "../src/gen/system.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { Child, Folder, ROOT, startHttp, startTcp } from "./child.ts";
import { Copy } from "./copy.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// The tiers as processes: how they start, what they print, and how they end.

const CREDENTIALS = { username: "grace", password: "hopper1906" };

async function post(url: string, path: string, fields: object): Promise<Response> {
  return fetch(`${url}/api/entrytask/user/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  });
}

async function hasBegun(wanted: string, address: string): Promise<boolean> {
  const [host = "", port] = address.split(":");
  const balancer = new Balancer([{ host, port: Number(port) }]);
  try {
    const { methods } = await new SystemClient(balancer).stats({});
    return methods.some(({ method, inFlight, calls }) => method === wanted && inFlight + calls > 0);
  } finally {
    balancer.close();
  }
}

async function readUserInfo(url: string, cookie: string): Promise<unknown> {
  const response = await fetch(`${url}/api/entrytask/user/get_user_info`, {
    headers: { Cookie: cookie },
  });
  return response.json();
}

describe("a tier", () => {
  test("with wrong variables names all of them and does not start", async () => {
    const ofHttp = 'HTTP_PORT is "http": must be a whole number from 0 to 65535\n';
    const ofBoth = 'RPC_PORT is "rpc": must be a whole number from 0 to 65535\n';
    for (const [tier, problems] of [
      ["tcp", ofBoth],
      ["http", ofHttp + ofBoth],
      // The TCP tier comes first: its tokens decide what the HTTP tier needs.
      ["dev", ofBoth + ofHttp],
      ["start", ofBoth + ofHttp],
    ]) {
      const environment = { HTTP_PORT: "http", RPC_PORT: "rpc" };
      await using child = new Child(`src/${tier}-main.ts`, { environment });
      expect(await child.exited()).toBe(1);
      expect(child.output).toBe(problems ?? "");
    }
  });

  test("whose port is in use says so and does not start", async () => {
    await using folder = await Folder.make();
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const port = `${taken.port}`;
    await using tcp = startTcp(folder.path, { RPC_PORT: port });
    await using http = startHttp(folder.path, "127.0.0.1:1", { HTTP_PORT: port });
    expect(await tcp.exited()).toBe(1);
    expect(tcp.output).toContain(`Cannot listen on 127.0.0.1:${port} (RPC_HOST, RPC_PORT)`);
    expect(await http.exited()).toBe(1);
    expect(http.output).toContain(`Cannot listen on 127.0.0.1:${port} (HTTP_HOST, HTTP_PORT)`);
    taken.stop(true);
  });

  test("whose port another tier of its kind uses says so and does not start", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path);
    const rpcAddress = await tcp.listening();
    const [, rpcPort = ""] = rpcAddress.split(":");
    await using http = startHttp(folder.path, rpcAddress);
    const { host: httpAddress, port: httpPort } = new URL(await http.listening());

    await using secondTcp = startTcp(folder.path, { RPC_PORT: rpcPort });
    await using secondHttp = startHttp(folder.path, rpcAddress, { HTTP_PORT: httpPort });
    expect(await secondTcp.exited()).toBe(1);
    expect(secondTcp.output).toContain(`Cannot listen on ${rpcAddress} (RPC_HOST, RPC_PORT)`);
    expect(await secondHttp.exited()).toBe(1);
    expect(secondHttp.output).toContain(`Cannot listen on ${httpAddress} (HTTP_HOST, HTTP_PORT)`);
    for (const { output } of [secondTcp, secondHttp])
      expect(output).toContain("the port is in use");
  });

  test("whose service lacks a function names it and does not start", async () => {
    await using copy = await Copy.of(["package.json", "schema", "src"]);
    const service = await copy.text("src/user/service.ts");
    await Bun.write(
      copy.path("src/user/service.ts"),
      service.replace("async signOut", "async out"),
    );
    await using tcp = new Child("src/tcp-main.ts", {
      root: copy.root,
      environment: { DATA_DIR: copy.path("data"), RPC_PORT: "0" },
    });
    expect(await tcp.exited()).toBe(1);
    expect(tcp.output).toContain("Cannot serve User: it has no function signOut");
  });

  // Not concurrent: it sends its signals while a password is hashed.
  test("finishes the running call on SIGTERM, even if it comes twice, and exits with 0", async () => {
    await using folder = await Folder.make();
    const slowHash = { PASSWORD_HASH: "argon2id:m=131072,t=2,p=1", LOG_LEVEL: "debug" };
    await using tcp = startTcp(folder.path, slowHash);
    const address = await tcp.listening();
    await using http = startHttp(folder.path, address, slowHash);
    const url = await http.listening();
    const signUp = post(url, "signup", CREDENTIALS);
    await eventually("the call has begun", () => hasBegun("User.signUp", address));
    for (const tier of [tcp, http]) {
      tier.kill("SIGTERM");
      tier.kill("SIGTERM");
    }
    expect(await (await signUp).json()).toMatchObject({ errCode: "7" });
    expect(await tcp.exited()).toBe(0);
    expect(await http.exited()).toBe(0);
    for (const tier of [tcp, http]) expect(tier.output.match(/"closing"/g)).toHaveLength(1);
  });

  test.concurrent("loses neither users nor sessions when it is killed and started again", async () => {
    await using folder = await Folder.make();
    const port = `${freePort()}`;
    await using http = startHttp(folder.path, `127.0.0.1:${port}`);
    const url = await http.listening();
    let cookie: string;
    {
      await using tcp = startTcp(folder.path, { RPC_PORT: port });
      await tcp.listening();
      expect((await post(url, "signup", CREDENTIALS)).status).toBe(200);
      const response = await post(url, "signin", CREDENTIALS);
      cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      tcp.kill("SIGKILL");
      await tcp.exited();
    }
    expect(await readUserInfo(url, cookie)).toMatchObject({ errCode: "0" });

    await using tcp = startTcp(folder.path, { RPC_PORT: port });
    await tcp.listening();
    expect(await readUserInfo(url, cookie)).toMatchObject({
      errCode: "7",
      data: { username: CREDENTIALS.username },
    });
    expect((await post(url, "signin", CREDENTIALS)).status).toBe(200);
  });

  test.concurrent("that waits for its database says so and ends at once on SIGTERM", async () => {
    await using folder = await Folder.make();
    const databaseUrl = `mysql://portico:s3cret@127.0.0.1:${freePort()}/portico`;
    await using tcp = startTcp(folder.path, { DATABASE_URL: databaseUrl });
    await tcp.waitFor(/waiting for MySQL at 127\.0\.0\.1:\d+ \(DATABASE_URL\)/);
    tcp.kill("SIGTERM");
    expect(await tcp.exited()).toBe(0);
    expect(tcp.output).not.toContain("s3cret");
  });

  test.concurrent.skipIf(!hasMariaDb || !hasRedis)(
    "starts before its databases and peers, in any order",
    async () => {
      await using folder = await Folder.make();
      await using mariaDb = await startMariaDb();
      await using redis = await startRedis();
      const DATABASE_URL = await mariaDb.createDatabase();
      const REDIS_URL = await redis.createDatabase();
      await Promise.all([mariaDb.kill(), redis.kill()]);

      const port = `${freePort()}`;
      await using http = startHttp(folder.path, `127.0.0.1:${port}`);
      const url = await http.listening();
      expect((await post(url, "signup", CREDENTIALS)).status).toBe(503);
      await using tcp = startTcp(folder.path, { RPC_PORT: port, DATABASE_URL, REDIS_URL });
      const waitsFor = (what: string) =>
        tcp.waitFor(new RegExp(`"warn".*"waiting for ${what} at `));
      await waitsFor("MySQL");
      await mariaDb.restart();
      await waitsFor("Redis");
      expect((await post(url, "signup", CREDENTIALS)).status).toBe(503);
      await redis.restart();

      await tcp.listening();
      const signUp = async () => (await post(url, "signup", CREDENTIALS)).status;
      await eventually("the tiers find each other", async () => (await signUp()) === 200);
    },
  );

  test.concurrent.skipIf(!hasRedis)("ends on SIGTERM with 0 even if its Redis hangs", async () => {
    await using folder = await Folder.make();
    await using redis = await startRedis();
    await using tcp = startTcp(folder.path, { REDIS_URL: await redis.createDatabase() });
    await tcp.listening();
    await freeze(redis.pid);
    tcp.kill("SIGTERM");
    expect(await tcp.exited()).toBe(0);
    expect(tcp.output).toContain('"msg":"closed"');
  });

  test.concurrent("writes the same request id into the log lines of both tiers", async () => {
    await using folder = await Folder.make();
    const environment = { LOG_LEVEL: "debug" };
    // A costly hash could take longer than a call may, on a busy machine.
    const cheap = { PASSWORD_HASH: "salted-md5", ...environment };
    await using tcp = startTcp(folder.path, cheap);
    await using http = startHttp(folder.path, await tcp.listening(), environment);
    const response = await post(await http.listening(), "signup", CREDENTIALS);
    const id = response.headers.get("X-Request-Id") ?? "none";
    await http.waitFor(new RegExp(`"requestId":"${RegExp.escape(id)}"`));
    await tcp.waitFor(new RegExp(`"requestId":"${RegExp.escape(id)}"`));
    // A parser's message would quote the body.
    const malformed = await fetch(`${await http.listening()}/api/entrytask/user/signup`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: `{"username":"grace","password":${CREDENTIALS.password}}`,
    });
    expect(malformed.status).toBe(400);
    await http.waitFor(/signup 400/);
    // A refusal logs which field is wrong, and not its value.
    const wrong = { ...CREDENTIALS, password: CREDENTIALS.password.repeat(2) };
    expect((await post(await http.listening(), "signin", wrong)).status).toBe(400);
    await http.waitFor(/"reason":"password: 4 to 13 printable code points, NFC\.".*signin 400/);
    expect((await post(await http.listening(), "signin", { username: "grace" })).status).toBe(400);
    await http.waitFor(/"reason":"password: required"/);
    expect(http.output + tcp.output).not.toContain(CREDENTIALS.password);
  });
});

describe.concurrent("bun run dev", () => {
  test("starts both tiers, restarts them on change, and ends them", async () => {
    await using folder = await Folder.make();
    for (const name of ["schema", "codegen", "src", "public", "package.json", "biome.json"]) {
      await cp(join(ROOT, name), join(folder.path, name), { recursive: true });
    }
    await symlink(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
    const [httpPort, rpcPort] = [freePort(), freePort()];
    await using dev = new Child("src/dev-main.ts", {
      root: folder.path,
      environment: { HTTP_PORT: `${httpPort}`, RPC_PORT: `${rpcPort}`, LOG_LEVEL: "warn" },
    });
    const url = `http://127.0.0.1:${httpPort}`;
    await dev.waitFor(new RegExp(`Pages +${url}/\n`));
    expect((await fetch(`${url}/signUp.html`)).status).toBe(200);

    // A change of the schema updates src/gen before the tiers start again.
    dev.output = "";
    const schema = join(folder.path, "schema/user.ts");
    const text = await Bun.file(schema).text();
    await Bun.write(schema, text.replace('"Create a user."', '"Create a user for good."'));
    await dev.waitFor(/schema\/user\.ts changed: restarting[\s\S]*Portico is running/);
    const client = await Bun.file(join(folder.path, "src/gen/user.ts")).text();
    expect(client).toContain("Create a user for good.");
    expect(dev.output).not.toContain("ended with exit code");

    // If codegen refuses a change, the tiers stay down until it is taken back.
    dev.output = "";
    await Bun.write(schema, text.replace("number: 2,", "number: 99,"));
    const refusal =
      /Portico is running[\s\S]*has no effect.*\n.*Cannot change User\.signIn: .*\n\n$/;
    await dev.waitFor(refusal);
    dev.output = "";
    await Bun.write(join(folder.path, "src/new.ts"), "");
    await dev.waitFor(refusal);
    dev.output = "";
    await Bun.write(schema, text);
    await dev.waitFor(/changed: restarting[\s\S]*Portico is running/);
    await Bun.write(join(folder.path, "src/new.ts"), "// changed");
    await dev.waitFor(/Portico is running[\s\S]*changed: restarting[\s\S]*Portico is running/);
    expect(dev.output).not.toContain("has no effect");

    // A mistake stops only the tiers, and its fix brings them back.
    dev.output = "";
    await Bun.write(schema, `${text}\nthis is no TypeScript`);
    await dev.waitFor(/src\/tcp-main\.ts ended with exit code 1[\s\S]*Waiting for the next change/);
    await dev.waitFor(/has no effect.*\n +error: Expected ";" but found "is"\n/);
    await Bun.write(schema, text);
    await dev.waitFor(/Portico is running/);
    expect((await post(url, "signup", CREDENTIALS)).status).toBe(200);

    dev.kill("SIGTERM");
    expect(await dev.exited()).toBe(0);
    // A tier that was told to end is not reported as failed.
    expect(dev.output).not.toContain("ended with exit code 0");
    await expect(fetch(url)).rejects.toThrow();
  });

  test("leaves no tier behind, even if it is killed", async () => {
    await using folder = await Folder.make();
    const httpPort = freePort();
    await using dev = new Child("src/dev-main.ts", {
      environment: {
        DATA_DIR: folder.path,
        HTTP_PORT: `${httpPort}`,
        RPC_PORT: `${freePort()}`,
      },
    });
    await dev.waitFor(/Portico is running/);
    dev.kill("SIGKILL");
    // The tiers write to the same pipe, so it ends when they have ended.
    await dev.exited();
    expect(dev.output.match(/"closed"/g)).toHaveLength(2);
    await expect(fetch(`http://127.0.0.1:${httpPort}`)).rejects.toThrow();
  });
});
