import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, makeIdentity, OPENSSL } from "../testing/identity.ts";
import { encode, helloBody, RawPeer } from "../testing/raw-peer.ts";
import { eventually, startClient, startServer, type Text } from "../testing/stack.ts";
import { FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const TOKEN = "correct horse battery staple";
const ECHO = async (request: Text) => request;
/** So long that only the limit of unproved connections can let a client in. */
const PATIENT = { handshakeTimeoutMs: 60_000 };
const MAX_UNPROVED = 128;
const HELLO = encode({ type: FrameType.hello, body: helloBody() });
/** A TLS record with the first bytes of a ClientHello that is 512 bytes long. */
const HALF_CLIENT_HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);

/** Open more connections than the server takes. Each sends `bytes`. */
async function crowd(
  port: number,
  bytes: Buffer,
  count = 1100,
): Promise<Disposable & { peers: RawPeer[] }> {
  const peers: RawPeer[] = [];
  for (let opened = 0; opened < count; opened++) {
    const peer = await RawPeer.connect(port);
    peer.write(bytes);
    peers.push(peer);
  }
  return {
    peers,
    [Symbol.dispose]: () => {
      for (const peer of peers) peer[Symbol.dispose]();
    },
  };
}

describe.each([
  ["send nothing", Buffer.alloc(0), undefined],
  ["stop in the middle of HELLO", HELLO.subarray(0, 20), undefined],
  ["send HELLO and do not prove the token", HELLO, TOKEN],
])("1,100 connections that %s", (_, bytes, token) => {
  test("do not shut out a client, and cause one warning", async () => {
    await using server = startServer(ECHO, { limits: PATIENT, token });
    using crowded = await crowd(server.port, bytes);
    await eventually(() => server.listener.connections <= MAX_UNPROVED);
    using client = startClient(server.port, {}, { token });
    expect(await client.say("a")).toBe("a");
    expect(server.logged.filter((line) => line.includes("do not greet"))).toHaveLength(1);
    // The oldest were closed first.
    const kept = crowded.peers.map(({ isClosed }) => !isClosed);
    expect(kept.lastIndexOf(false)).toBeLessThan(kept.indexOf(true));
  });
});

describe.skipIf(!OPENSSL)("1,100 connections whose TLS handshake", () => {
  let folder: string;
  let tls: Identity;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-unproved-"));
    tls = await makeIdentity(folder, "ours", "IP:127.0.0.1");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ["has not begun", Buffer.alloc(0)],
    ["has stopped in the middle", HALF_CLIENT_HELLO],
  ])("%s do not shut out a client", async (_, bytes) => {
    await using server = startServer(ECHO, { limits: PATIENT, tls });
    using crowded = await crowd(server.port, bytes);
    const kept = () => crowded.peers.filter(({ isClosed }) => !isClosed).length;
    await eventually(() => kept() <= MAX_UNPROVED);
    using client = startClient(server.port, {}, { tlsCa: tls.cert });
    expect(await client.say("a")).toBe("a");
  });
});

test("open connections are not closed to make room for those that do not greet", async () => {
  const limits = { ...PATIENT, maxServerConnections: 40 };
  await using server = startServer(ECHO, { limits });
  const greeted = await Promise.all(Array.from({ length: 10 }, () => RawPeer.greet(server.port)));
  using _crowd = await crowd(server.port, Buffer.alloc(0), 100);
  expect(server.listener.connections).toBeLessThanOrEqual(30);
  using client = startClient(server.port);
  expect(await client.say("a")).toBe("a");
  expect(greeted.filter(({ isClosed }) => isClosed)).toEqual([]);
  for (const peer of greeted) peer[Symbol.dispose]();
});
