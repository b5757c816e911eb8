import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { Balancer } from "../client/balancer.ts";
import { DEFAULT_POOL_LIMITS } from "../limits.ts";
import { Gate } from "../testing/gate.ts";
import { type Identity, makeIdentity, OPENSSL } from "../testing/identity.ts";
import { encode, helloBody, RawPeer, startFakeServer } from "../testing/raw-peer.ts";
import {
  eventually,
  failure,
  HOST,
  SAY,
  startClient,
  startServer,
  type Text,
} from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";
import { FrameType } from "./frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const ECHO = async (request: Text) => request;
/** A TLS record with the first bytes of a ClientHello that is 512 bytes long. */
const HALF_CLIENT_HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);

/** Finish the TLS handshake of `raw`, send HELLO and a call of `text`, and wait for the close. */
async function callLate(raw: Socket, text: string): Promise<void> {
  const late = connectTls({ socket: raw, rejectUnauthorized: false });
  const hello = encode({ type: FrameType.hello, body: helloBody() });
  const { request: type } = FrameType;
  const body = JSON.stringify({ text });
  const request = encode({ type, method: SAY.number, id: 1, timeoutMs: LONG_MS, body });
  late.on("secureConnect", () => late.write(Buffer.concat([hello, request])));
  const { promise, resolve } = Promise.withResolvers<void>();
  late.on("error", () => resolve());
  late.on("close", () => resolve());
  late.resume();
  await promise;
}

describe.skipIf(!OPENSSL)("a TLS handshake", () => {
  let folder: string;
  let tls: Identity;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-tls-handshake-"));
    tls = await makeIdentity(folder, "ours", "IP:127.0.0.1");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ["has not begun", Buffer.alloc(0)],
    ["has stopped in the middle", HALF_CLIENT_HELLO],
  ])("that %s is closed after handshakeTimeoutMs", async (_, bytes) => {
    const handshakeTimeoutMs = 300;
    await using server = startServer(ECHO, { tls, limits: { handshakeTimeoutMs } });
    using stopwatch = new Stopwatch();
    const startedAt = performance.now();
    using peer = await RawPeer.connect(server.port);
    peer.write(bytes);
    await eventually(() => server.listener.connections === 1);
    await peer.closed.promise;
    expect(performance.now() - startedAt).toBeGreaterThan(0.9 * handshakeTimeoutMs);
    expect(stopwatch.ms).toBeLessThan(5 * handshakeTimeoutMs);
    await eventually(() => server.listener.connections === 0);
    using client = startClient(server.port, {}, { tlsCa: tls.cert });
    expect(await client.say("next")).toBe("next");
  });

  test.each([
    ["has not begun", Buffer.alloc(0)],
    ["has stopped in the middle", HALF_CLIENT_HELLO],
  ])("that %s does not outlive close()", async (_, bytes) => {
    await using server = startServer(ECHO, { tls, limits: { handshakeTimeoutMs: LONG_MS } });
    using peer = await RawPeer.connect(server.port);
    peer.write(bytes);
    await Bun.sleep(50);
    using stopwatch = new Stopwatch();
    await server.listener.close(200);
    await eventually(() => peer.isClosed);
    expect(stopwatch.ms).toBeLessThan(5 * 200);
    expect(server.listener.connections).toBe(0);
  });

  test("that ends after close() has begun accepts no calls", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler, { tls, limits: { handshakeTimeoutMs: 1000 } });
    using client = startClient(server.port, {}, { tlsCa: tls.cert });
    const running = client.say("running", LONG_MS);
    await gate.hasStarted("running");
    const raw = connectTcp(server.port, HOST);
    await once(raw, "connect");
    await Bun.sleep(50); // Time for the server to notice.
    const closing = server.listener.close(3000);
    await Promise.race([callLate(raw, "late"), Bun.sleep(500)]);
    expect(gate.started).toEqual(["running"]);
    await gate.letGo("running");
    expect(await running).toBe("running");
    await closing;
    expect(server.listener.connections).toBe(0);
    expect(gate.started).toEqual(["running"]);
  });

  test("that the server never answers leaves no socket of the client behind", async () => {
    using server = startFakeServer(() => undefined);
    server.onOpen = (peer) => {
      peer.onData = () => undefined; // The bytes are not frames.
    };
    const limits = { connectTimeoutMs: 100, minBackoffMs: 20, maxBackoffMs: 20 };
    using client = startClient(server.port, limits, { tlsCa: tls.cert });
    expect(await failure(client.say("a"))).toMatchObject({
      status: "unavailable",
      processed: false,
    });
    await eventually(() => server.peers.length >= 4);
    client.balancer.close();
    await eventually(() => server.peers.every(({ isClosed }) => isClosed));
  });

  test("names the first host name of an address that has two", async () => {
    const first = await makeIdentity(folder, "first", "DNS:first.test");
    await using server = startServer(ECHO, { tls: first });
    const { port } = server;
    const addresses = ["first.test", "second.test"].map((host) => ({ host, port }));
    const identity = { tlsCa: first.cert, resolve: async () => [HOST] };
    const balancer = new Balancer(addresses, DEFAULT_POOL_LIMITS, identity);
    try {
      await eventually(() => server.listener.connections > 0);
      expect(await balancer.call(SAY, { text: "a" })).toEqual({ text: "a" });
    } finally {
      balancer.close();
    }
  });
});
