import { expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../src/rpc/error.ts";
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
  const response = await fetch(`${front.url}/api/entrytask/user/signup`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"username":"grace","password":"hopper1906"}',
  });
  expect([response.status, await response.json()]).toMatchObject([400, { errCode: "6" }]);
  expect(response.headers.get("x-error-detail")).toBe(detail);
  expect(response.headers.getSetCookie()).toEqual([]);
});
