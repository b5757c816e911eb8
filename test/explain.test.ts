// `bun run rpc System.explain`: for each fault, it names the part that was slow or failed.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { Folder, startHttp, startTcp } from "./child.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { rpc } from "./rpc-command.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const USER = "/api/entrytask/user";
const CREDENTIALS = { username: "grace", password: "hopper1906" };
/** Far longer than any call of these tests takes by itself. */
const FAST = { PASSWORD_HASH: "salted-md5", SLOW_REQUEST_MS: "1000" };

/** Both tiers have told. */
const BOTH = /HTTP tier, process[\s\S]*TCP server \d/;

async function post(url: string, path: string, body: object, requestId: string) {
  const response = await fetch(`${url}${USER}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Request-Id": requestId },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response;
}

async function signedIn(url: string): Promise<string> {
  await post(url, "/signup", CREDENTIALS, "sign-up");
  const { headers } = await post(url, "/signin", CREDENTIALS, "sign-in");
  return headers.get("Set-Cookie")?.split(";")[0] ?? "none";
}

const explain = (requestId: string, addresses: string) =>
  rpc(["System.explain", JSON.stringify({ requestId })], {
    environment: { RPC_ADDRESSES: addresses },
  });

/** The account, once it has what both tiers know. */
async function account(requestId: string, addresses: string, awaited: RegExp): Promise<string> {
  let text = "";
  await eventually(`the account has ${awaited}`, async () => {
    const { stdout, stderr } = await explain(requestId, addresses);
    // Long sentences are on several lines.
    text = (stdout || stderr).replace(/\n(?=\S)/g, " ");
    return awaited.test(stdout);
  }).catch((error: unknown) => {
    throw new Error(`${error}: ${text}`);
  });
  return text;
}

const proxied = { TRUSTED_PROXIES: "loopback", ...FAST };

describe.skipIf(!hasMariaDb || !hasRedis)("System.explain", () => {
  test("names the database that is stopped, and the server that died in a call", async () => {
    await using maria = await startMariaDb();
    await using redis = await startRedis();
    await using folder = await Folder.make();
    const RPC_PORT = `${freePort()}`;
    const environment = {
      DATABASE_URL: await maria.createDatabase(),
      REDIS_URL: await redis.createDatabase(),
      RPC_PORT,
      ...FAST,
    };
    await using tcp = startTcp(folder.path, environment);
    const address = await tcp.listening();
    // Asked as well, and never there.
    const addresses = `127.0.0.1:${freePort()},${address}`;
    await using http = startHttp(folder.path, address, proxied);
    const url = await http.listening();
    const Cookie = await signedIn(url);

    await freeze(maria.pid);
    const slow = post(url, "/signin", CREDENTIALS, "mysql-slow");
    await Bun.sleep(2000);
    process.kill(maria.pid, "SIGCONT");
    expect((await slow).status).toBe(200);
    const mysql = await account("mysql-slow", addresses, BOTH);
    expect(mysql).toMatch(/In short: MySQL "read user" took \d+ ms, during User\.signIn\./);
    expect(mysql).toMatch(/handler +\d+ ms {2}most of the time/);
    expect(mysql).toContain("POST /api/entrytask/user/signin: status 200");
    expect(mysql).toMatch(/Not asked: 127\.0\.0\.1:\d+\./);
    expect(mysql).not.toMatch(/grace|hopper/);

    await freeze(redis.pid);
    const info = await fetch(`${url}${USER}/get_user_info`, {
      headers: { Cookie, "X-Request-Id": "redis-stopped" },
    });
    process.kill(redis.pid, "SIGCONT");
    expect(info.status).toBeGreaterThanOrEqual(500);
    const stopped = await account("redis-stopped", addresses, BOTH);
    expect(stopped).toMatch(/In short: Redis "[\w ]+" (had not answered|failed) after \d+ ms/);

    await freeze(maria.pid);
    const dying = post(url, "/signin", CREDENTIALS, "server-died");
    await Bun.sleep(500);
    tcp.kill("SIGKILL");
    expect((await dying).status).toBe(503);
    process.kill(maria.pid, "SIGCONT");
    await tcp.exited();
    await using restarted = startTcp(folder.path, environment);
    await restarted.listening();
    const died = await account("server-died", addresses, /HTTP tier, process/);
    expect(died).toMatch(
      /In short: POST .*signin: status 503; .* Reason: Cannot reach 127\.0\.0\.1/,
    );
    expect(died).toContain("No record of a TCP server");
  });

  test("names the queue of hashes if it is full", async () => {
    await using folder = await Folder.make();
    const costly = { ...FAST, PASSWORD_HASH: "argon2id:m=65536,t=12,p=1" };
    await using tcp = startTcp(folder.path, costly);
    const address = await tcp.listening();
    await using http = startHttp(folder.path, address, proxied);
    const url = await http.listening();
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, number) => {
        const body = { ...CREDENTIALS, username: `grace${number}` };
        return (await post(url, "/signup", body, `sign-up-${number}`)).status;
      }),
    );
    const failed = statuses.findLastIndex((status) => status >= 503);
    const text = await account(`sign-up-${failed}`, address, BOTH);
    expect(text).toMatch(/waiting for a hash +\d+ ms {2}most of the time/);
    expect(text).toMatch(/Reason: Cannot (hash in time: \d+ hashes are ahead|finish User\.signUp)/);
    expect(text).toMatch(/In short: User\.signUp: .*"waiting for a hash"/);
  });

  test("names an upload that its browser has cut short", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path, FAST);
    const address = await tcp.listening();
    await using http = startHttp(folder.path, address, proxied);
    const url = await http.listening();
    const Cookie = await signedIn(url);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      [
        `POST ${USER}/update_profile_pic HTTP/1.1`,
        "Host: here",
        `Cookie: ${Cookie}`,
        "X-Request-Id: cut-short",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 100000",
        "",
        '--x\r\nContent-Disposition: form-data; name="profilePic"; filename="a.png"\r\n\r\nabc',
      ].join("\r\n"),
    );
    await Bun.sleep(500);
    socket.destroy();
    const text = await account("cut-short", address, /HTTP tier, process/);
    expect(text).toContain("the client closed the connection");
    expect(text).toMatch(/reading the body +\d+ ms {2}most of the time/);
    expect(text).toMatch(/In short: .*most of the time was "reading the body"/);
  });

  test("says how long records are kept if it knows nothing", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path, FAST);
    const address = await tcp.listening();
    const { exitCode, stdout, stderr } = await explain("nothing", address);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("Cannot explain nothing: no server has a record of it.");
    expect(stderr).toContain(`${address} keeps 0 of at most 2000 records, since 20`);
    const unreachable = await explain("nothing", `127.0.0.1:${freePort()}`);
    expect(unreachable.exitCode).toBe(3);
    expect(unreachable.stderr).toContain("Not asked");
  });
});
