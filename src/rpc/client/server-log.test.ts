import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, makeExpired, makeIdentity, OPENSSL } from "../testing/identity.ts";
import {
  deadPort,
  eventually,
  HOST,
  recorder,
  startClient,
  startServer,
  type Text,
} from "../testing/stack.ts";
import type { ClientIdentity } from "./balancer.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const ECHO = async (request: Text) => request;
const TOKEN = "correct horse battery";
/** Many attempts to connect in a short time. */
const QUICK = { minBackoffMs: 5, maxBackoffMs: 10, handshakeTimeoutMs: 500 };
/** Several of these attempts fail in this time. */
const SEVERAL_TRIES_MS = 150;

interface Line {
  readonly level: string;
  readonly reason?: string;
  readonly message?: string;
  /** The message, on a line without fields. */
  readonly fields?: string;
}

/** A client of one port, and what it logs. */
function clientOf(port: number, identity: ClientIdentity = {}) {
  const lines: string[] = [];
  const client = startClient(port, QUICK, { ...identity, log: recorder(lines) });
  return { client, lines: () => lines.map((line): Line => JSON.parse(line)) };
}

/** All that a client of such a server logs. */
async function loggedAbout(
  server: Parameters<typeof startServer>[1],
  identity: ClientIdentity,
): Promise<Line[]> {
  await using running = startServer(ECHO, server);
  const { client, lines } = clientOf(running.port, identity);
  using _client = client;
  await eventually(() => lines().length > 0);
  await Bun.sleep(SEVERAL_TRIES_MS);
  for (const { level, message } of lines()) {
    expect([level, message]).toEqual(["warn", `cannot use TCP server ${HOST}:${running.port}`]);
  }
  return lines();
}

test("each loss and each return of a server is logged in one line", async () => {
  const port = deadPort();
  const server = `TCP server ${HOST}:${port}`;
  const { client, lines } = clientOf(port);
  using _client = client;
  await eventually(() => lines().length > 0);
  await Bun.sleep(SEVERAL_TRIES_MS);
  expect(lines()).toMatchObject([{ level: "warn", message: `cannot reach ${server}` }]);
  expect(lines()[0]?.reason).toContain("ECONNREFUSED");
  {
    await using _server = startServer(ECHO, { port });
    await eventually(() => lines().length > 1);
    expect(await client.say("a")).toBe("a");
    expect(lines().slice(1)).toEqual([{ level: "info", fields: `${server} is up` }]);
  }
  await eventually(() => lines().length > 2);
  await Bun.sleep(SEVERAL_TRIES_MS);
  expect(lines().slice(2)).toMatchObject([{ level: "warn", message: `lost ${server}` }]);
  await using _again = startServer(ECHO, { port });
  await eventually(() => lines().length > 3);
  expect(lines().slice(3)).toEqual([{ level: "info", fields: `${server} is back` }]);
});

test("a server that is started together with its client is not logged", async () => {
  const port = deadPort();
  const { client, lines } = clientOf(port);
  using _client = client;
  await Bun.sleep(500);
  await using server = startServer(ECHO, { port });
  // A call at once could wait for a try that the closed port has refused already.
  await eventually(() => server.listener.connections > 0);
  expect(await client.say("a")).toBe("a");
  expect(lines()).toEqual([]);
});

test("the loss of a server that was up from the beginning is logged at once", async () => {
  const port = deadPort();
  const server = startServer(ECHO, { port });
  const { client, lines } = clientOf(port);
  using _client = client;
  expect(await client.say("a")).toBe("a");
  await server.listener.close(0);
  await eventually(() => lines().length > 0, 1000);
  expect(lines()).toMatchObject([{ message: `lost TCP server ${HOST}:${port}` }]);
  await using _again = startServer(ECHO, { port });
  await eventually(() => lines().length > 1);
  expect(lines()[1]?.fields).toBe(`TCP server ${HOST}:${port} is back`);
});

test("neither a server that was never away nor the end of the client is logged", async () => {
  await using server = startServer(ECHO);
  const { client, lines } = clientOf(server.port);
  expect(await client.say("a")).toBe("a");
  client.balancer.close();
  await Bun.sleep(SEVERAL_TRIES_MS);
  expect(lines()).toEqual([]);
});

test.each([
  ["wrong", TOKEN, `${TOKEN}!`, "Handshake failed: wrong RPC_TOKEN"],
  ["missing on the server", undefined, TOKEN, "RPC_TOKEN is set here, but the server has none"],
  [
    "missing on the client",
    TOKEN,
    undefined,
    "the server asks for RPC_TOKEN, which is not set here",
  ],
])("a token that is %s is logged in one line", async (_, ofServer, ofClient, reason) => {
  const lines = await loggedAbout({ token: ofServer }, { token: ofClient });
  expect(lines).toHaveLength(1);
  expect(lines[0]?.reason).toContain(reason);
  expect(JSON.stringify(lines)).not.toContain(TOKEN);
});

test("a port of another program is logged in one line", async () => {
  using server = Bun.serve({ port: 0, hostname: HOST, fetch: () => new Response() });
  const { client, lines } = clientOf(Number(server.port));
  using _client = client;
  await eventually(() => lines().length > 0);
  await Bun.sleep(SEVERAL_TRIES_MS);
  expect(lines()).toHaveLength(1);
  expect(lines()[0]?.reason).toContain("the peer speaks HTTP");
});

describe.skipIf(!OPENSSL)("TLS", () => {
  let folder: string;
  let ours: Identity;
  let another: Identity;
  let elsewhere: Identity;
  let expired: Identity;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-server-log-"));
    ours = await makeIdentity(folder, "ours", "IP:127.0.0.1");
    another = await makeIdentity(folder, "another", "IP:127.0.0.1");
    elsewhere = await makeIdentity(folder, "elsewhere", "DNS:elsewhere.example");
    expired = await makeExpired(folder, "expired", "IP:127.0.0.1");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const cases: [string, () => [Identity | undefined, string | undefined], string][] = [
    ["an unknown authority", () => [another, ours.cert], "RPC_TLS_CA has not signed"],
    ["another name", () => [elsewhere, elsewhere.cert], "is for another name"],
    ["an expired certificate", () => [expired, expired.cert], "has expired"],
    ["no TLS on the server", () => [undefined, ours.cert], "the server does not speak TLS"],
    [
      "no TLS on the client",
      () => [ours, undefined],
      "the peer speaks TLS, and this side does not",
    ],
  ];
  test.each(cases)("with %s is logged in one line", async (_, identities, reason) => {
    const [tls, tlsCa] = identities();
    const lines = await loggedAbout({ tls, limits: { handshakeTimeoutMs: 500 } }, { tlsCa });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.reason).toContain(reason);
  });
});
