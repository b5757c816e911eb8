import { expect, setDefaultTimeout, test } from "bun:test";
import { Empty, SessionRef, SIGN_IN, SIGN_OUT, SIGN_UP } from "../../src/gen/user.ts";
import { COOKIE, startFront } from "../http-front.ts";
import { Api, ENDPOINTS, newMember, newName, sessionIdOf, UNKNOWN_SESSION } from "./client.ts";
import { describePairs, sharedStack } from "./pairs.ts";

// What the HTTP tier tells the TCP tier of a browser, and the cookie of the device.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const SESSION = COOKIE.slice("sessionID=".length);
const AGENT = `Mozilla/5.0 ${"x".repeat(200)}`;
const CREDENTIALS = { username: "grace", password: "hopper1906" };
const JSON_TYPE = { "Content-Type": "application/json" };
const LOCAL = "127.0.0.1";
const unknown = (n: number) => UNKNOWN_SESSION.replace(/^./, `${n}`);

test("sign-up, sign-in and sign-out tell address and User-Agent, and nothing of a body", async () => {
  const requests: object[] = [];
  await using front = await startFront({
    signUp: async (request) => {
      requests.push(request);
      return {};
    },
    signIn: async (request) => {
      requests.push(request);
      return { sessionId: SESSION };
    },
    signOut: async (request) => {
      requests.push(request);
      return {};
    },
  });
  const api = new Api(front.url, COOKIE);
  const headers = { ...JSON_TYPE, "User-Agent": AGENT, "X-Forwarded-For": "203.0.113.7" };
  const forged = { address: "203.0.113.7", deviceIds: ["forged"], sessionIds: ["forged"] };
  const body = JSON.stringify({ ...CREDENTIALS, client: forged, deviceId: "forged" });
  for (const { path } of [ENDPOINTS.signUp, ENDPOINTS.signIn, ENDPOINTS.signOut]) {
    expect((await api.send("POST", path, { headers, body })).code).toBe("7");
  }
  const client = { address: LOCAL, userAgent: AGENT.slice(0, 120) };
  expect(requests).toEqual([
    { ...CREDENTIALS, client },
    { ...CREDENTIALS, client: { ...client, sessionIds: [SESSION] } },
    { sessionId: SESSION, client },
  ]);
});

test("a sign-in tells every session and device that is well-formed, up to 8 and 4", async () => {
  const clients: unknown[] = [];
  await using front = await startFront({
    signIn: async ({ client }) => {
      const { address: _, userAgent: __, ...cookies } = client ?? {};
      clients.push(cookies);
      return { sessionId: SESSION };
    },
  });
  for (const cookie of [
    `deviceID=a1-_.~; ${COOKIE}`,
    `sessionID=x; ${COOKIE}; sessionID=${UNKNOWN_SESSION};deviceID=a1`,
    `deviceID="quoted"; deviceID=; deviceID=a,b; xdeviceID=a; deviceID=${"x".repeat(201)}`,
    `deviceID=a b; deviceID=${"x".repeat(200)}`,
    `${COOKIE}; ${COOKIE}; deviceID=a1; deviceID=a1;deviceID=\t; deviceID=b2 `,
    Array.from({ length: 9 }, (_, n) => `deviceID=a${n}; sessionID=${unknown(n)}`).join("; "),
  ]) {
    const api = new Api(front.url, cookie);
    expect((await api.signIn("grace", "hopper1906")).code).toBe("7");
  }
  expect(clients).toEqual([
    { deviceIds: ["a1-_.~"], sessionIds: [SESSION] },
    { deviceIds: ["a1"], sessionIds: [SESSION, UNKNOWN_SESSION] },
    {},
    { deviceIds: ["x".repeat(200)] },
    { deviceIds: ["a1", "b2"], sessionIds: [SESSION] },
    {
      deviceIds: ["a0", "a1", "a2", "a3"],
      sessionIds: Array.from({ length: 8 }, (_, n) => unknown(n)),
    },
  ]);
});

test("a device that a sign-in replies becomes a cookie of its path, and no data", async () => {
  await using front = await startFront({
    signIn: async () => ({ sessionId: SESSION, deviceId: "nonce.mac" }),
  });
  const answer = await new Api(front.url).signIn("grace", "hopper1906");
  expect(answer.data).toBe("");
  expect(answer.headers.getSetCookie()).toEqual([
    `${COOKIE}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax`,
    "deviceID=nonce.mac; Path=/api/entrytask/user/signin; Max-Age=15552000; HttpOnly; SameSite=Lax",
  ]);
  expect(sessionIdOf(answer)).toBe(SESSION);
});

describePairs("callers that know nothing of a browser", (pair) => {
  const shared = sharedStack(pair);

  test("are answered: those of before, and others", async () => {
    const { caller, user } = shared.stack;
    const given = { username: newName(), password: "hopper1906" };
    const before = { olderHashes: [], reply: Empty };
    await caller.call({ ...SIGN_UP, ...before, hash: "103c4ca7c1529b34" }, given);
    const oldSignIn = { ...SIGN_IN, olderHashes: [], hash: "d3a7a096dc629489", reply: SessionRef };
    const old = await caller.call(oldSignIn, given);
    const { sessionId } = await user.signIn(given);
    await caller.call({ ...SIGN_OUT, ...before, hash: "d77e148675261f2c" }, old);
    await user.signOut({ sessionId });
  });

  test("may send a client that is only an address", async () => {
    const { username, password } = await newMember(shared.stack);
    const { user } = shared.stack;
    const { sessionId } = await user.signIn({ username, password, client: { address: "::1" } });
    await user.signOut({ sessionId, client: { address: "::1" } });
  });
});
