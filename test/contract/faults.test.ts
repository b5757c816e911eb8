import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTP_TIER } from "../../src/config/http.ts";
import { load } from "../../src/config/load.ts";
import { TCP_TIER } from "../../src/config/tcp.ts";
import { startHttp } from "../../src/http-main.ts";
import { startTcp } from "../../src/tcp-main.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { COOKIE, startFront } from "../http-front.ts";
import * as mariaDb from "../mariadb.ts";
import { freePort } from "../ports.ts";
import * as redis from "../redis.ts";
import { startRedisCluster } from "../redis-cluster.ts";
import { startStack } from "../stack.ts";
import {
  type Answer,
  Api,
  ENDPOINTS,
  newMember,
  newName,
  nicknameOf,
  sessionIdOf,
  UNKNOWN_SESSION,
} from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";

// The tests wait for deadlines, at the same time: each has tiers and servers of its own.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";
const PNG = pngOf(2, 2, [1, 2, 3]);
const DEADLINE_MS = 5000;
/** What a busy machine may add to a deadline. */
const NOISE_MS = 10_000;

/** One good request to each endpoint, all at the same time. */
function callAll(api: Api): Promise<Answer[]> {
  return Promise.all([
    api.signUp(newName(), PASSWORD),
    api.signIn(newName(), PASSWORD),
    api.userInfo(),
    api.nickname("Grace"),
    api.avatar(avatarForm(PNG)),
    api.signOut("GET"),
    api.signOut("POST"),
  ]);
}

/** Ask until the answer is a success: what was away is found again without a restart. */
const untilSuccess = (ask: () => Promise<Answer>) => untilCode("7", ask);

async function untilCode(code: string, ask: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = Date.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer.code === code || Date.now() > giveUpAt) {
      expect(answer.code).toBe(code);
      return answer;
    }
    await Bun.sleep(50);
  }
}

const codes = (answers: readonly Answer[]) =>
  answers.map(({ code, status }) => `${code} ${status}`);

interface LoneHttp extends AsyncDisposable {
  readonly api: Api;
  readonly dataDir: string;
}

/** The HTTP tier alone, which looks for the TCP tier at `addresses`. */
async function startLoneHttp(addresses: string): Promise<LoneHttp> {
  const dataDir = await mkdtemp(join(tmpdir(), "portico-lone-"));
  const config = load(HTTP_TIER, {
    DATA_DIR: dataDir,
    HTTP_PORT: "0",
    RPC_ADDRESSES: addresses,
    LOG_LEVEL: "silent",
  });
  const http = await startHttp(config, createLog("test", config.logLevel, false));
  return {
    api: new Api(http.address, `sessionID=${UNKNOWN_SESSION}`),
    dataDir,
    async [Symbol.asyncDispose]() {
      await http.close(1000);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

interface Peer extends Disposable {
  readonly address: string;
}

/** Something on a TCP port that is no server of ours: it does `open` to whoever connects. */
function startPeer(open: (socket: Bun.Socket) => void): Peer {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open, data: () => undefined },
  });
  return { address: `127.0.0.1:${server.port}`, [Symbol.dispose]: () => server.stop(true) };
}

interface Line extends Peer {
  /** From now on it swallows what is said, without hanging up. */
  cut(): void;
}

/** A line to a TCP port, which passes on what is said in both directions until it is cut. */
function startLine(port: number): Line {
  let isCut = false;
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from);
      from.on("data", (bytes) => isCut || to.write(bytes));
      from.on("close", () => to.destroy());
      // Either end may break off, which the other then sees as a close.
      from.on("error", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The line has no port");
  return {
    address: `127.0.0.1:${address.port}`,
    cut: () => {
      isCut = true;
    },
    [Symbol.dispose]: () => {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}

describe.concurrent("a TCP tier that cannot be reached", () => {
  test("is answered with 0 and 503 by every endpoint, and no picture stays", async () => {
    await using http = await startLoneHttp(`127.0.0.1:${freePort()},127.0.0.1:${freePort()}`);
    const startedAt = Date.now();
    const answers = await callAll(http.api);
    expect(codes(answers)).toEqual(answers.map(() => "0 503"));
    expect(Date.now() - startedAt).toBeLessThan(DEADLINE_MS + NOISE_MS);
    const files = await readdir(http.dataDir, { recursive: true });
    expect(files.filter((file) => file.startsWith("avatars/"))).toEqual([]);
    expect(answers.flatMap(({ headers }) => headers.getSetCookie())).toEqual([]);
  });

  test("is not needed to refuse malformed requests, or for pages", async () => {
    await using http = await startLoneHttp(`127.0.0.1:${freePort()}`);
    expect((await http.api.signUp("x", PASSWORD)).code).toBe("6");
    expect((await http.api.nickname("")).code).toBe("6");
    expect((await http.api.post(ENDPOINTS.avatar.path, {})).code).toBe("6");
    expect((await http.api.fetch("GET", "/signIn.html")).status).toBe(200);
  });

  test("is found when it starts, and again after a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "portico-tcp-"));
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const RPC_PORT = String(freePort());
    await using http = await startLoneHttp(`127.0.0.1:${RPC_PORT}`);
    const config = load(TCP_TIER, {
      DATA_DIR: folder,
      RPC_PORT,
      PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
      LOG_LEVEL: "silent",
    });
    const log = createLog("test", config.logLevel, false);
    for (let round = 0; round < 2; round++) {
      expect((await http.api.userInfo()).code).toBe("0");
      const tcp = await startTcp(config, log);
      await untilSuccess(() => http.api.signUp(newName(), PASSWORD));
      expect((await http.api.userInfo()).code).toBe("2");
      await tcp.close(1000);
    }
  });
});

describe.concurrent("a TCP tier that stops answering", () => {
  test("is answered with 0 and 504 after the deadline", async () => {
    await using stack = await startStack();
    using line = startLine(stack.rpcPort);
    await using http = await startLoneHttp(line.address);
    expect((await http.api.userInfo()).code).toBe("2");
    line.cut();
    const startedAt = Date.now();
    const answers = await callAll(http.api);
    expect(codes(answers)).toEqual(answers.map(() => "0 504"));
    expect(Date.now() - startedAt).toBeGreaterThan(DEADLINE_MS - 500);
    expect(Date.now() - startedAt).toBeLessThan(DEADLINE_MS + NOISE_MS);
    const files = await readdir(http.dataDir, { recursive: true });
    expect(files.filter((file) => file.startsWith("avatars/"))).toEqual([]);
  });
});

test.concurrent("the two calls of an upload share one deadline", async () => {
  let leftMs = Number.NaN;
  await using front = await startFront({
    async getUserInfo() {
      await Bun.sleep(2000);
      return { username: "grace", nickname: "grace", profilePath: "a.webp" };
    },
    async updateProfilePic(_, { deadline }) {
      leftMs = deadline - performance.now();
      return {};
    },
  });
  const answer = await new Api(front.url, COOKIE).avatar(avatarForm(PNG));
  expect(answer.code).toBe("7");
  expect(leftMs).toBeLessThan(DEADLINE_MS - 1000);
});

test.concurrent("an HTTP tier that cannot save a picture answers 0 and 500, and goes on", async () => {
  await using stack = await startStack();
  const { api, username } = await newMember(stack);
  const folder = join(stack.dataDir, "avatars");
  await rm(folder, { recursive: true, force: true });
  await Bun.write(folder, "a file where the folder should be");
  const answer = await api.avatar(avatarForm(PNG));
  expect([answer.code, answer.status]).toEqual(["0", 500]);
  expect(await nicknameOf(api)).toBe(username);
  await rm(folder);
  expect((await api.avatar(avatarForm(PNG))).code).toBe("7");
});

describe.concurrent("another program at the address of the TCP tier", () => {
  test("that never answers is answered with 0 within the deadline", async () => {
    using peer = startPeer(() => undefined);
    await using http = await startLoneHttp(peer.address);
    const startedAt = Date.now();
    const answers = await callAll(http.api);
    expect(Date.now() - startedAt).toBeLessThan(DEADLINE_MS + NOISE_MS);
    for (const { code, status } of answers) {
      expect(code).toBe("0");
      expect([503, 504]).toContain(status);
    }
  });

  test.each<[string, (socket: Bun.Socket) => void]>([
    ["closes at once", (socket) => socket.end()],
    ["breaks off", (socket) => socket.terminate()],
    ["speaks HTTP", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["sends a frame without end", (socket) => socket.write(Buffer.alloc(4, 0xff))],
    ["sends an empty frame", (socket) => socket.write(Buffer.alloc(4))],
    ["sends noise", (socket) => socket.write(Buffer.from("\0\0\0\x10noise noise noise"))],
  ])("that %s is answered with 0 by every endpoint", async (_, open) => {
    using peer = startPeer(open);
    await using http = await startLoneHttp(peer.address);
    for (const { code, status } of await callAll(http.api)) {
      expect(code).toBe("0");
      expect([500, 503, 504]).toContain(status);
    }
  });
});

describe.concurrent.skipIf(!mariaDb.available || !redis.available)("servers that die", () => {
  test("are answered with 1 and 503 until they are back: MySQL", async () => {
    await using server = await mariaDb.startMariaDb({ keepsEveryCommit: true });
    await using stack = await startStack({ DATABASE_URL: await server.createDatabase() });
    const { api, username } = await newMember(stack);
    await server.kill();
    const answers = [
      await api.signUp(newName(), PASSWORD),
      await api.signIn(username, PASSWORD),
      await api.nickname("changed"),
      await api.avatar(avatarForm(PNG)),
    ];
    expect(codes(answers)).toEqual(answers.map(() => "1 503"));
    const files = await readdir(stack.dataDir, { recursive: true });
    expect(files.filter((file) => file.startsWith("avatars/"))).toEqual([]);
    await server.restart();
    // Without the cookie: a sign-in ends the session that it brings.
    await untilSuccess(() => new Api(api.url).signIn(username, PASSWORD));
    expect(await nicknameOf(api)).toBe(username);
    await untilSuccess(() => api.nickname("changed"));
    expect(await nicknameOf(api)).toBe("changed");
  });

  test("are answered with 1 and 503 until they are back: Redis", async () => {
    await using server = await redis.startRedis();
    await using stack = await startStack({ REDIS_URL: await server.createDatabase() });
    const { api, username } = await newMember(stack);
    await server.kill();
    const answers = [
      await api.signIn(username, PASSWORD),
      await api.userInfo(),
      await api.nickname("changed"),
      await api.avatar(avatarForm(PNG)),
      await api.signOut(),
    ];
    expect(codes(answers)).toEqual(answers.map(() => "1 503"));
    expect(answers.flatMap(({ headers }) => headers.getSetCookie())).toEqual([]);
    const files = await readdir(stack.dataDir, { recursive: true });
    expect(files.filter((file) => file.startsWith("avatars/"))).toEqual([]);
    await server.restart();
    // It comes back empty: what it knew of sessions is gone, which is an answer and no failure.
    await untilSuccess(() => api.signIn(username, PASSWORD));
    expect((await api.userInfo()).code).toBe("2");
  });

  test("are answered with 1 and 503 until they are back: a master of a Redis Cluster", async () => {
    await using cluster = await startRedisCluster(2_000);
    await using stack = await startStack({ REDIS_URL: await cluster.createDatabase() });
    const [victim] = cluster.masters;
    /** Signed in, with both the session and the user on the victim, or neither. */
    const memberOn = async (isVictim: boolean) => {
      for (;;) {
        const username = newName();
        if ((cluster.masterOf(`user:${username}`) === victim) !== isVictim) continue;
        const member = await newMember(stack, username);
        for (let api = member.api, { sessionId } = member; ; ) {
          const isThere = cluster.masterOf(`session:${sessionId}`) === victim;
          if (isThere === isVictim) return { api, username };
          sessionId = sessionIdOf(await api.signIn(username, PASSWORD));
          api = api.withSession(sessionId);
        }
      }
    };
    const [lost, kept] = [await memberOn(true), await memberOn(false)];

    await victim?.kill();
    const startedAt = Date.now();
    const [signIn, ...answers] = await Promise.all([
      lost.api.signIn(lost.username, PASSWORD),
      lost.api.userInfo(),
      lost.api.nickname("changed"),
      lost.api.avatar(avatarForm(PNG)),
      lost.api.signOut(),
    ]);
    expect(codes(answers)).toEqual(answers.map(() => "1 503"));
    // It depends on where the new session would be.
    expect(["1 503", "7 200"]).toContain(codes([signIn])[0] ?? "");
    expect(Date.now() - startedAt).toBeLessThan(DEADLINE_MS + NOISE_MS);
    expect((await kept.api.nickname("changed")).code).toBe("7");
    expect(await nicknameOf(kept.api)).toBe("changed");

    await victim?.restart();
    // It comes back empty, as above.
    await untilCode("2", () => lost.api.userInfo());
    expect(await nicknameOf(kept.api)).toBe("changed");
  });
});
