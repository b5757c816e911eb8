import { expect, setDefaultTimeout, test } from "bun:test";
import { DomainError } from "../error.ts";
import {
  encode,
  helloBody,
  type RawPeer,
  startFakeAnswerer,
  startFakeServer,
  uint32,
} from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient } from "../testing/stack.ts";
import { Flag, type Frame, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

function answer(frame: Frame, peer: RawPeer): void {
  peer.send({ type: FrameType.response, id: frame.id, body: frame.body });
}

/** Answers SAY; before the first answer, it does what the test says. */
function startOddServer(first: (frame: Frame, peer: RawPeer) => void) {
  let requests = 0;
  return startFakeAnswerer((frame, peer) => {
    if (++requests === 1) first(frame, peer);
    else answer(frame, peer);
  });
}

test.each<[string, (peer: RawPeer) => void]>([
  ["closes after accept", (peer) => peer.socket?.end()],
  ["resets after accept", (peer) => peer.socket?.terminate()],
  ["sends garbage", (peer) => peer.write(Buffer.alloc(5000, 0xff))],
  ["speaks HTTP", (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
  [
    "speaks another protocol",
    (peer) => peer.send({ type: FrameType.hello, body: helloBody({ magic: "other" }) }),
  ],
  ["sends a HELLO that is not JSON", (peer) => peer.send({ type: FrameType.hello, body: "hello" })],
  [
    "speaks another version",
    (peer) => peer.send({ type: FrameType.hello, body: helloBody({ versions: [2, 3] }) }),
  ],
  [
    "states no limits",
    (peer) => peer.send({ type: FrameType.hello, body: helloBody({ maxInFlight: 0 }) }),
  ],
  [
    "answers before its HELLO",
    (peer) => peer.send({ type: FrameType.response, id: 1, body: '{"text":"a"}' }),
  ],
  [
    "refuses the connection",
    (peer) => peer.send({ type: FrameType.error, body: '{"code":"unavailable","message":"no"}' }),
  ],
])("a server that %s is unavailable, well before the deadline", async (_, onOpen) => {
  using server = startFakeServer(() => undefined);
  server.onOpen = onOpen;
  using client = startClient(server.port);
  const startedAt = performance.now();
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "unavailable", processed: false });
  expect(performance.now() - startedAt).toBeLessThan(2000);
  await eventually(() => server.peers.every((peer) => peer.isClosed));
});

test.each<[string, (peer: RawPeer) => void]>([
  ["never sends HELLO", () => undefined],
  [
    "sends half a HELLO",
    (peer) => peer.write(encode({ type: FrameType.hello, body: helloBody() }).subarray(0, 20)),
  ],
])("a server that %s is closed after the handshake timeout", async (_, onOpen) => {
  using server = startFakeServer(() => undefined);
  server.onOpen = onOpen;
  using client = startClient(server.port, { handshakeTimeoutMs: 60 });
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "unavailable", processed: false });
  expect(String(error)).toContain("no HELLO in time");
  await eventually(() => server.peers.every((peer) => peer.isClosed));
});

test("a connection stays open after the handshake timeout once HELLO has come", async () => {
  using server = startFakeAnswerer(answer);
  using client = startClient(server.port, { handshakeTimeoutMs: 500 });
  expect(await client.say("a")).toBe("a");
  await Bun.sleep(700);
  expect(await client.say("b")).toBe("b");
  expect(server.peers).toHaveLength(1);
});

test("a server that sends HELLO and hangs up causes no storm of connections", async () => {
  using server = startFakeAnswerer((_, peer) => peer.socket?.terminate());
  using client = startClient(server.port, { minBackoffMs: 30_000, maxBackoffMs: 30_000 });
  const errors = await Promise.all(["a", "b", "c"].map((text) => failure(client.say(text))));
  for (const error of errors) expect(error).toMatchObject({ status: "unavailable" });
  await Bun.sleep(50);
  expect(server.peers).toHaveLength(1);
});

test("an answer to an unknown id is ignored", async () => {
  using server = startOddServer((frame, peer) => {
    peer.send({ type: FrameType.response, id: 4711, body: '{"text":"wrong"}' });
    answer(frame, peer);
  });
  using client = startClient(server.port);
  expect(await client.say("a")).toBe("a");
  expect(await client.say("b")).toBe("b");
  expect(server.peers).toHaveLength(1);
});

test("of two answers to one call, the first counts", async () => {
  using server = startOddServer((frame, peer) => {
    answer(frame, peer);
    peer.send({ type: FrameType.response, id: frame.id, body: '{"text":"wrong"}' });
    peer.send({ type: FrameType.error, id: frame.id, body: '{"code":"internal"}' });
  });
  using client = startClient(server.port, { maxInFlight: 1, maxConnections: 1 });
  expect(await Promise.all(["a", "b", "c"].map((text) => client.say(text)))).toEqual([
    "a",
    "b",
    "c",
  ]);
  expect(server.peers).toHaveLength(1);
});

test("a call to a silent server ends at its deadline; a late answer is dropped", async () => {
  using server = startOddServer(() => undefined);
  using client = startClient(server.port);
  // Long enough for a busy machine to connect and send the request well before it.
  const timeoutMs = 500;
  const startedAt = performance.now();
  const error = await failure(client.say("a", timeoutMs));
  const tookMs = performance.now() - startedAt;
  expect(error).toMatchObject({ status: "deadline_exceeded", processed: true });
  expect(String(error)).toMatch(/connecting \d+ ms, queue \d+ ms, handler [1-9]\d* ms/);
  expect(tookMs).toBeGreaterThanOrEqual(timeoutMs);
  expect(tookMs).toBeLessThan(10 * timeoutMs);
  const [peer] = server.peers;
  const request = await peer?.frame(FrameType.request);
  expect(request).toMatchObject({ method: SAY.number, metadata: '{"requestId":"request-a"}' });
  expect(request?.timeoutMs).toBeGreaterThan(0);
  expect(request?.timeoutMs).toBeLessThanOrEqual(timeoutMs);
  const cancel = await peer?.frame(FrameType.cancel);
  expect(cancel).toMatchObject({ id: request?.id, flags: Flag.optional });
  peer?.send({ type: FrameType.response, id: request?.id ?? 0, body: '{"text":"late"}' });
  expect(await client.say("b")).toBe("b");
});

test.each<[string, (frame: Frame, peer: RawPeer) => void]>([
  ["garbage", (_, peer) => peer.write(Buffer.alloc(5000, 0xff))],
  ["a length over the limit", (_, peer) => peer.write(uint32(2 ** 20 + 1))],
  ["a second HELLO", (_, peer) => peer.send({ type: FrameType.hello, body: helloBody() })],
  ["an unknown frame", ({ id }, peer) => peer.send({ type: 99, id, body: "{}" })],
  ["a fatal ERROR", (_, peer) => peer.send({ type: FrameType.error, body: "{}" })],
])("%s in place of an answer fails the call, and the next has a new connection", async (_, odd) => {
  using server = startOddServer(odd);
  using client = startClient(server.port);
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "unavailable", processed: true });
  expect(await client.say("b")).toBe("b");
  expect(server.peers).toHaveLength(2);
});

test("an unknown frame that is marked optional is skipped", async () => {
  using server = startOddServer((frame, peer) => {
    peer.send({ type: 99, flags: Flag.optional, id: frame.id, body: "whatever" });
    answer(frame, peer);
  });
  using client = startClient(server.port);
  expect(await client.say("a")).toBe("a");
  expect(server.peers).toHaveLength(1);
});

test.each([
  ["is not JSON", "not JSON"],
  ["does not match its schema", '{"text":42,"password":"secret"}'],
])("a reply that %s fails its call as internal, and no other call", async (_, body) => {
  using server = startOddServer((frame, peer) =>
    peer.send({ type: FrameType.response, id: frame.id, body }),
  );
  using client = startClient(server.port);
  const [error, other] = await Promise.all([failure(client.say("a")), client.say("b")]);
  expect(error).toMatchObject({ status: "internal", processed: true });
  expect(String(error)).toContain("Test.say");
  expect(String(error)).not.toContain("secret");
  expect(other).toBe("b");
  expect(server.peers).toHaveLength(1);
});

test.each<[string, string, number, object]>([
  [
    "a status",
    '{"code":"resource_exhausted","message":"busy","retryAfterMs":50}',
    0,
    { status: "resource_exhausted", message: "busy", retryAfterMs: 50, processed: false },
  ],
  ["a processed bit", '{"code":"unavailable"}', Flag.processed, { processed: true }],
  ["a declared error", '{"code":"PasswordError"}', Flag.processed, { code: "PasswordError" }],
  ["an undeclared error", '{"code":"UserExistedError"}', 0, { status: "internal" }],
  ["an error that no handler has", '{"code":"ServerError"}', 0, { status: "internal" }],
  ["an unknown code", '{"code":"constructor"}', 0, { status: "internal" }],
  ["no code", '{"message":"hm"}', 0, { status: "internal" }],
  ["no object", "[]", 0, { status: "internal" }],
  ["no JSON", "hm", 0, { status: "internal" }],
])("an ERROR with %s ends its call accordingly", async (_, body, flags, expected) => {
  using server = startOddServer((frame, peer) =>
    peer.send({ type: FrameType.error, flags, id: frame.id, body }),
  );
  using client = startClient(server.port);
  const error = await failure(client.say("a"));
  expect(error).toMatchObject(expected);
  expect(error instanceof DomainError).toBe("code" in expected);
  expect(await client.say("b")).toBe("b");
  expect(server.peers).toHaveLength(1);
});

test("a server that stops reading gets no more bytes, and its connection is closed", async () => {
  using server = startFakeAnswerer((_, peer) => {
    peer.socket?.pause();
    // The server still sends, which does not count.
    const ping = { type: FrameType.ping, flags: Flag.optional, body: "" };
    const timer = setInterval(() => peer.socket?.readyState === 1 && peer.send(ping), 100);
    timer.unref();
  });
  using client = startClient(server.port, {
    maxOutgoingBytes: 100_000,
    maxInFlight: 1000,
    maxConnections: 1,
    pingIntervalMs: 250,
    pingTimeoutMs: 250,
  });
  const first = failure(client.say("a"));
  await eventually(() => server.peers.some((peer) => peer.frames.length === 2));
  // More than the few megabytes that the kernel buffers for a peer that does not read.
  const rest = Array.from({ length: 400 }, () => failure(client.say("x".repeat(60_000))));
  expect(await first).toMatchObject({ status: "unavailable", processed: true });
  expect(String(await first)).toContain("does not read");
  client.balancer.close();
  for (const error of await Promise.all(rest)) {
    expect(error).toMatchObject({ status: "unavailable" });
  }
});
