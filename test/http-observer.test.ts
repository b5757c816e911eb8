// What an observer of the HTTP tier is told about each request.

import { expect, test } from "bun:test";
import type { AvatarStore } from "../src/http/avatar/store.ts";
import type { Answered } from "../src/http/observer.ts";
import { DomainError } from "../src/rpc/error.ts";
import { COOKIE, startFront } from "./http-front.ts";

const GET_USER_INFO = "/api/entrytask/user/get_user_info";

/** A store whose picture cannot be read when Bun sends it. */
const BROKEN_STORE: AvatarStore = {
  find: async () => Reflect.apply(Bun.file, Bun, ["/nowhere/picture"]),
  save: async () => undefined,
  remove: async () => undefined,
  async *list() {},
};

test("an observer is told each answer once, with the pattern of its path", async () => {
  const seen: Answered[] = [];
  const addresses: string[] = [];
  await using front = await startFront(
    {},
    {
      onAnswered: (answered) => {
        seen.push(answered);
        addresses.push(answered.address);
      },
    },
  );
  const ask = async (path: string, method = "GET", headers = {}) => {
    const response = await fetch(`${front.url}${path}`, { method, headers });
    const { byteLength } = await response.arrayBuffer();
    return { requestId: response.headers.get("X-Request-Id") ?? "", bytes: byteLength };
  };
  const info = await ask(`${GET_USER_INFO}?secret=1`, "GET", { Cookie: COOKIE });
  const absent = await ask("/avatars/grace-hopper.webp");
  const unrouted = await ask("/grace?secret=2");
  const wrongMethod = await ask(GET_USER_INFO, "PUT");
  const page = await ask("/signIn.html");
  const head = await ask("/signIn.html", "HEAD");

  expect(
    seen.map(({ requestId, method, route, status, bytes }) => ({
      ...{ requestId, bytes },
      line: `${method} ${route} ${status}`,
    })),
  ).toEqual([
    { ...info, line: `GET ${GET_USER_INFO} 200` },
    { ...absent, line: "GET /avatars/:name 404" },
    { ...unrouted, line: "GET unrouted 404" },
    { ...wrongMethod, line: "PUT unrouted 405" },
    { ...page, line: "GET /signIn.html 200" },
    { ...head, line: "HEAD /signIn.html 200" },
  ]);
  expect(info.bytes).toBeGreaterThan(10);
  expect(addresses).toEqual(seen.map(() => "127.0.0.1"));
  for (const { ms } of seen) expect(ms).toBeWithin(0, 60_000);
});

test("an observer is told what the handler has thrown", async () => {
  const seen: Answered[] = [];
  const cause = new Error("gone");
  await using front = await startFront(
    {
      getUserInfo: () => Promise.reject(new DomainError("DataBaseError", "test", { cause })),
    },
    { onAnswered: (answered) => seen.push(answered) },
  );
  await fetch(`${front.url}${GET_USER_INFO}`, { headers: { Cookie: COOKIE } });
  expect(seen).toHaveLength(1);
  expect(seen[0]?.status).toBe(503);
  expect(seen[0]?.problem).toMatchObject({ code: "DataBaseError" });
});

test("a failure outside of the handlers is told too, and its answer has a request id", async () => {
  const seen: Answered[] = [];
  await using front = await startFront(
    {},
    { avatars: BROKEN_STORE, onAnswered: (answered) => seen.push(answered) },
  );
  const response = await fetch(`${front.url}/avatars/p.webp`);
  expect(response.status).toBe(500);
  const last = seen.at(-1);
  expect(last).toMatchObject({ method: "_OTHER", route: "failed", status: 500, ms: 0 });
  expect(last?.requestId).toBe(response.headers.get("X-Request-Id") ?? "none");
});
