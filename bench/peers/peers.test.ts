import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { MysqlHosts } from "../../src/storage/mysql/hosts.ts";
import { migrateMysql } from "../../src/storage/mysql/migrate.ts";
import { available as mariaDbAvailable, sharedMariaDb } from "../../test/mariadb.ts";
import { freePort } from "../../test/ports.ts";
import { available as redisAvailable, sharedRedis } from "../../test/redis.ts";
import { type Stack, startStack } from "../../test/stack.ts";
import { run } from "../run.ts";
import { checkCeiling, checkService } from "./answers.ts";
import { USER_API } from "./api.ts";
import { barePeer } from "./bare.ts";
import { classicGo } from "./classic-go.ts";
import { nodePeer } from "./node.ts";
import type { Peer, PeerConfig } from "./peer.ts";
import { portico } from "./portico.ts";
import { startPeer } from "./start.ts";

// Building a peer for the first time takes a minute.
setDefaultTimeout(300_000);

const PEERS: readonly Peer[] = [portico, classicGo, nodePeer, barePeer];
const ROOT = join(import.meta.dir, "../..");
const SEEDED = { username: "test7", password: "testpassword7" };
/** A cheap hash, so that the tests are fast. */
const ARGON2ID = "argon2id:m=64,t=1,p=1";

async function newConfig(seededHash: string, passwordHash: string): Promise<PeerConfig> {
  const [mariaDb, redis] = await Promise.all([sharedMariaDb(), sharedRedis()]);
  const databaseUrl = await mariaDb.createDatabase();
  await migrateMysql(new MysqlHosts(databaseUrl), {
    waiting: () => undefined,
    applying: () => undefined,
  });
  await run([process.execPath, "src/seed-main.ts", "--users", "10"], {
    folder: ROOT,
    environment: { DATABASE_URL: databaseUrl, PASSWORD_HASH: seededHash },
  });
  const redisUrl = await redis.createDatabase();
  return { httpPort: freePort(), rpcPort: freePort(), databaseUrl, redisUrl, passwordHash };
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.skipIf(!mariaDbAvailable || !redisAvailable)("peers, on MariaDB and Redis", async () => {
  for (const peer of PEERS) {
    const obstacle = await peer.prepare();
    const name = obstacle === undefined ? peer.name : `${peer.name} (${obstacle})`;
    describe.skipIf(obstacle !== undefined)(name, () => {
      // Each scheme is tested with rows of the other one, which must be verified too.
      const schemes = [
        [ARGON2ID, "salted-md5"],
        ["salted-md5", ARGON2ID],
      ] as const;
      for (const [made, seeded] of peer.isService ? schemes : []) {
        test(`keeps the contract, hashing with ${made}`, async () => {
          await using running = await startPeer(peer, await newConfig(seeded, made));
          await checkService(running.origin, SEEDED);
        });
      }

      if (!peer.isService) {
        test("answers one user as a service does", async () => {
          await using running = await startPeer(peer, await newConfig("salted-md5", "salted-md5"));
          await checkCeiling(running.origin, { username: "test0", password: "testpassword0" });
          await expect(checkCeiling(running.origin, SEEDED)).rejects.toThrow("info of test7: ");
        });
      }

      test("has one process per tier, and they end when it is disposed of", async () => {
        const config = await newConfig("salted-md5", "salted-md5");
        const running = await startPeer(peer, config);
        const pids = [...running.pids.values()];
        expect([...running.pids.keys()]).toEqual(peer.tiers(config).map((tier) => tier.name));
        expect(pids.map(isAlive)).toEqual(pids.map(() => true));
        await running[Symbol.asyncDispose]();
        expect(pids.map(isAlive)).toEqual(pids.map(() => false));
      });
    });
  }
});

describe("startPeer()", () => {
  const config = (): PeerConfig => ({
    httpPort: freePort(),
    rpcPort: freePort(),
    databaseUrl: "",
    redisUrl: "",
    passwordHash: "",
  });
  const peerOf = (script: string): Peer => ({
    name: "a peer",
    isService: true,
    prepare: () => Promise.resolve(undefined),
    tiers: ({ httpPort }) => [
      {
        name: "HTTP",
        command: [process.execPath, "-e", script],
        environment: { HTTP_PORT: `${httpPort}` },
      },
    ],
  });

  test("the error has the output of a tier that ended", async () => {
    const peer = peerOf('console.error("no such port"); process.exit(3)');
    await expect(startPeer(peer, config())).rejects.toThrow(
      /Cannot start a peer: its HTTP tier ended\nHTTP tier:\nno such port/,
    );
  });

  test("a tier gets only PATH and HOME of our environment", async () => {
    const peer = peerOf("console.log(Object.keys(process.env).sort().join()); process.exit(1)");
    await expect(startPeer(peer, config())).rejects.toThrow(/\nHOME,HTTP_PORT,PATH\n/);
  });

  test("the tiers end when our process is killed", async () => {
    const tier = `Bun.serve({
      port: process.env.HTTP_PORT,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ errCode: "7" }),
    });`;
    const starter = `
      const { startPeer } = await import("./start.ts");
      const command = [process.execPath, "-e", process.env.TIER];
      const environment = { HTTP_PORT: process.env.HTTP_PORT };
      const tiers = () => [{ name: "HTTP", command, environment }];
      const config = { httpPort: process.env.HTTP_PORT };
      const running = await startPeer({ name: "a peer", tiers }, config);
      console.log(running.origin);
      setInterval(() => running, 1000);`;
    const { PATH = "", HOME = "" } = process.env;
    await using starting = Bun.spawn([process.execPath, "-e", starter], {
      cwd: import.meta.dir,
      env: { PATH, HOME, TIER: tier, HTTP_PORT: `${freePort()}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { value } = await starting.stdout.getReader().read();
    const origin = new TextDecoder().decode(value).trim();
    expect((await fetch(origin)).status).toBe(200);
    starting.kill("SIGKILL");
    while (await fetch(origin).catch(() => undefined)) await Bun.sleep(50);
  });
});

describe("checkService()", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
    const { status } = await post(stack.url, "signup", SEEDED);
    expect(status).toBe(200);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const post = (origin: string, endpoint: string, fields: unknown) =>
    fetch(`${origin}${USER_API}/${endpoint}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });

  /** A service between the checks and Portico that changes what comes back. */
  function serve(change: (text: string, status: number, headers: Headers) => string | number) {
    return Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { pathname } = new URL(request.url);
        const answer = await fetch(stack.url + pathname, {
          method: request.method,
          headers: request.headers,
          ...(request.method === "POST" ? { body: await request.bytes() } : {}),
        });
        const text = await answer.text();
        const headers = new Headers(answer.headers);
        const changed = change(text, answer.status, headers);
        return typeof changed === "number"
          ? new Response(text, { status: changed, headers })
          : new Response(changed, { status: answer.status, headers });
      },
    });
  }

  function cookieWithout(text: string, headers: Headers, attribute: string): string {
    const cookies = headers.getSetCookie();
    headers.delete("Set-Cookie");
    for (const each of cookies) headers.append("Set-Cookie", each.replace(attribute, ""));
    return text;
  }

  const WRONG: Readonly<Record<string, [Parameters<typeof serve>[0], message: RegExp]>> = {
    "another status": [
      (text, status) => (status === 409 ? 400 : text),
      /^sign up with a name that is taken: expected 409 .*"3".*, but got 400 .*"3"/,
    ],
    "another code": [(text) => text.replace('"errCode":"5"', '"errCode":"4"'), /^wrong password: /],
    "another message": [(text) => text.replace('"PasswordError"', '"x"'), /^wrong password: /],
    "another order of keys": [
      (text) => text.replace(/("errCode":"7"),("errMsg":"success")/, "$2,$1"),
      /^sign up: expected 200 .*, but got 200 /,
    ],
    "more in a profile": [
      (text) => text.replace('{"username"', '{"id":1,"username"'),
      /^user info: expected 200 /,
    ],
    "no HttpOnly": [(text, _, headers) => cookieWithout(text, headers, "; HttpOnly"), /^sign in: /],
    "no SameSite": [(text, _, headers) => cookieWithout(text, headers, "SameSite"), /^sign in: /],
    "an id of another version": [
      (text, _, headers) => {
        const [cookie] = headers.getSetCookie();
        if (cookie) headers.set("Set-Cookie", cookie.replace(/(?<==.{8}-.{4}-)3/, "4"));
        return text;
      },
      /^sign in: expected one Set-Cookie: sessionID=<UUID v3>/,
    ],
    "a cookie that stays": [
      (text, _, headers) => cookieWithout(text, headers, "sessionID=;"),
      /^sign out: expected a Set-Cookie that clears sessionID/,
    ],
    "400 for another type": [
      (text, status) => (status === 415 ? 400 : text),
      /^a body of another /,
    ],
    "an old nickname": [
      (text) => text.replace('"nickname":"Amazing"', '"nickname":"peer"'),
      /read/,
    ],
    "no JSON": [() => "7", /^sign up: expected 200 .*, but got 200 7$/],
  };

  test("accepts unchanged answers", async () => {
    await using server = serve((text) => text);
    await checkService(server.url.origin, SEEDED);
  });

  for (const [what, [change, message]] of Object.entries(WRONG)) {
    test(`refuses ${what}`, async () => {
      await using server = serve(change);
      await expect(checkService(server.url.origin, SEEDED)).rejects.toThrow(message);
    });
  }

  test("refuses a service without the seeded user", async () => {
    const missing = { username: "test8", password: "testpassword8" };
    await expect(checkService(stack.url, missing)).rejects.toThrow(
      /^sign in as test8: expected 200 /,
    );
  });
});
