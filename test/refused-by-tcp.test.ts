import { expect, setDefaultTimeout, test } from "bun:test";
import { RpcError, type RpcStatus } from "../src/rpc/error.ts";
import { startFront } from "./http-front.ts";

// Requests that pass the HTTP tier and that the TCP tier refuses, because its rule is stricter.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test.each([
  [
    "Cannot accept the request of User.signUp: /username: 4 to 13 code points",
    "username: 4 to 13 code points",
  ],
  ["username: must be the session's own", "username: must be the session's own"],
  ["Cannot accept the request of User.signUp: /a/b: required", "a/b: required"],
  ["name: gr\u00fcn\r\nSet-Cookie: sessionID=x\u2028", "name: gr?n??Set-Cookie: sessionID=x?"],
  [`name: ${"long ".repeat(100)}`, `name: ${"long ".repeat(100)}`.slice(0, 200).trim()],
])("the TCP tier's %j is a 6 that says so in one line of ASCII", async (message, detail) => {
  await using front = await startFront({
    async signUp() {
      throw new RpcError("invalid_argument", message, { processed: false });
    },
  });
  const response = await signUp(front.url);
  expect([response.status, await response.json()]).toMatchObject([400, { errCode: "6" }]);
  expect(response.headers.get("x-error-detail")).toBe(detail);
  expect(response.headers.getSetCookie()).toEqual([]);
  // Any client can cause it, by the id of an old session or a common password.
  const event = "POST /api/entrytask/user/signup 400";
  expect(front.logged.filter((line) => line.event === event)).toEqual([{ level: "debug", event }]);
});

test.each<[RpcStatus, number | undefined, number, string | null, string]>([
  ["rate_limited", 90_001, 429, "91", "debug"],
  ["rate_limited", 0, 429, "1", "debug"],
  ["rate_limited", undefined, 429, "1", "debug"],
  ["resource_exhausted", 2000, 503, "2", "warn"],
  ["permission_denied", 2000, 500, null, "error"],
])("%s with retryAfterMs %p is a 0 with %i and Retry-After %p, logged at %s", async (...row) => {
  const [rpcStatus, retryAfterMs, status, retryAfter, level] = row;
  await using front = await startFront({
    async signUp() {
      throw new RpcError(rpcStatus, "on purpose", { processed: false, retryAfterMs });
    },
  });
  const response = await signUp(front.url);
  expect([response.status, await response.json()]).toEqual([
    status,
    { errCode: "0", errMsg: "ServerError", data: "" },
  ]);
  expect(response.headers.get("retry-after")).toBe(retryAfter);
  const event = `POST /api/entrytask/user/signup ${status}`;
  expect(front.logged.filter((line) => line.event === event)).toEqual([{ level, event }]);
});

function signUp(url: string): Promise<Response> {
  return fetch(`${url}/api/entrytask/user/signup`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"username":"grace","password":"hopper1906"}',
  });
}
