// The lines of the HTTP tier about a request, and the id that they have.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BlockList } from "node:net";
import { DomainError } from "../src/rpc/error.ts";
import { Folder, startHttp, startTcp } from "./child.ts";
import { COOKIE, type Front, startFront } from "./http-front.ts";
import { available, startNginx } from "./nginx.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const USER = "/api/entrytask/user";
const LOOPBACK = new BlockList();
LOOPBACK.addAddress("127.0.0.1", "ipv4");

const linesOf = ({ logTexts }: Front) =>
  logTexts.map((text): Record<string, unknown> => JSON.parse(text));

async function ask(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.headers.get("X-Request-Id") ?? "none";
}

const failing = {
  getUserInfo: () =>
    Promise.reject(new DomainError("DataBaseError", "test", { cause: new Error("gone") })),
};

describe("the access log", () => {
  test("all: one line for each request, with its fields and no secret", async () => {
    await using front = await startFront({}, { accessLog: "all", trustedProxies: LOOPBACK });
    const from = { "X-Forwarded-For": "198.51.100.7", Cookie: COOKIE };
    const info = await ask(`${front.url}${USER}/get_user_info?password=s3cret`, from);
    const absent = await ask(`${front.url}/avatars/s3cret.webp`, from);
    const line = { level: "info", method: "GET", address: "198.51.100.7", msg: "request" };
    expect(linesOf(front)).toMatchObject([
      { ...line, route: `${USER}/get_user_info`, status: 200, requestId: info },
      {
        ...line,
        ...{ route: "/avatars/:name", status: 404, requestId: absent },
        reason: "name: no picture has this name",
      },
    ]);
    const fields = ["level", "time", "pid", "hostname"];
    const [first = {}] = linesOf(front);
    expect(Object.keys(first).filter((name) => !fields.includes(name))).toEqual([
      "method",
      "route",
      "status",
      "ms",
      "bytes",
      "address",
      "requestId",
      "msg",
    ]);
    expect(front.logTexts.join()).not.toMatch(/s3cret|sessionID/);
  });

  test("all: a fault has its own line too, with the cause", async () => {
    await using front = await startFront(failing, { accessLog: "all" });
    const requestId = await ask(`${front.url}${USER}/get_user_info`, { Cookie: COOKIE });
    expect(linesOf(front)).toMatchObject([
      { level: "info", msg: "request", status: 503, requestId },
      { level: "warn", msg: `GET ${USER}/get_user_info 503`, requestId, reason: "DataBaseError" },
    ]);
    expect(linesOf(front)[0]).not.toHaveProperty("reason");
  });

  test("errors: only requests that failed, and at most 100 in a second", async () => {
    await using front = await startFront(failing, { accessLog: "errors" });
    await ask(`${front.url}/nothing`);
    await ask(`${front.url}/signIn.html`);
    expect(linesOf(front).map(({ level }) => level)).toEqual(["debug", "debug"]);
    const answers = 250;
    const askOne = () => ask(`${front.url}${USER}/get_user_info`, { Cookie: COOKIE });
    await Promise.all(Array.from({ length: answers }, askOne));
    await Bun.sleep(1000);
    await askOne();
    const info = linesOf(front).filter(({ level }) => level === "info");
    const lines = info.filter(({ msg }) => msg === "request");
    const skipped = info.reduce((sum, line) => sum + Number(line.skipped ?? 0), 0);
    expect(lines.length + skipped).toBe(answers + 1);
    expect(skipped).toBeGreaterThan(0);
  });

  test("off: none, and the lines at debug and warn are as with the others", async () => {
    await using front = await startFront(failing, { accessLog: "off" });
    await ask(`${front.url}/nothing`);
    await ask(`${front.url}${USER}/get_user_info`, { Cookie: COOKIE });
    expect(linesOf(front).map(({ level, msg }) => [level, msg])).toEqual([
      ["debug", "GET unrouted 404"],
      ["warn", `GET ${USER}/get_user_info 503`],
    ]);
  });
});

describe("X-Request-Id", () => {
  test("of a trusted proxy is taken over if it is sane", async () => {
    await using front = await startFront({}, { trustedProxies: LOOPBACK });
    const url = `${front.url}/signIn.html`;
    const sane = ["a", "b5dfa4e5c7f2410c8a6f3c3e4b6a2a11", "A-z_0.9:/+=", "x".repeat(64)];
    for (const id of sane) expect(await ask(url, { "X-Request-Id": id })).toBe(id);
    for (const id of ["", "a b", 'a"b', "a,b", "a%0ab", "é", "x".repeat(65)]) {
      const given = await ask(url, { "X-Request-Id": id });
      expect(given).not.toBe(id);
      expect(given.length).toBeGreaterThan(10);
    }
  });

  test("of any other peer is ignored", async () => {
    const other = new BlockList();
    other.addAddress("127.0.0.9", "ipv4");
    for (const options of [{}, { trustedProxies: other }]) {
      await using front = await startFront({}, options);
      expect(await ask(`${front.url}/signIn.html`, { "X-Request-Id": "mine" })).not.toBe("mine");
    }
  });

  test.skipIf(!available)(
    "of nginx is in the lines of both tiers, and no browser chooses it",
    async () => {
      await using folder = await Folder.make();
      await using tcp = startTcp(folder.path, { LOG_LEVEL: "debug" });
      await using http = startHttp(folder.path, await tcp.listening(), {
        TRUSTED_PROXIES: "loopback",
        ACCESS_LOG: "all",
      });
      await using nginx = await startNginx(await http.listening());
      const response = await fetch(`${nginx.url}${USER}/get_user_info`, {
        headers: { Cookie: COOKIE, "X-Request-Id": "chosen" },
      });
      const requestId = response.headers.get("X-Request-Id") ?? "none";
      expect(requestId).toMatch(/^[\da-f]{32}$/);
      const isLine = new RegExp(`"requestId":"${requestId}"`);
      await tcp.waitFor(isLine);
      await http.waitFor(isLine);
      const [line = "{}"] = http.output
        .split("\n")
        .filter((each) => each.includes('"msg":"request"'));
      expect(Object.keys(JSON.parse(line)).join()).toBe(
        "level,time,tier,method,route,status,ms,bytes,address,requestId,msg",
      );
      expect(new Date(JSON.parse(line).time).getTime()).toBeWithin(Date.now() - 60_000, Date.now());
      expect(tcp.output + http.output).not.toContain("chosen");
    },
  );
});
