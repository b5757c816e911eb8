import { expect, setDefaultTimeout, test } from "bun:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import { entry } from "../method.ts";
import { encode, helloBody, type RawFrame, RawPeer, uint32 } from "../testing/raw-peer.ts";
import { eventually, failure, HOST, SAY, startClient, startServer } from "../testing/stack.ts";
import { Flag, FrameType } from "../wire/frame.ts";
import { Listener } from "./listener.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const ECHO = async (request: { text: string }) => request;
const SILENT = { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false };
const HANG = () => new Promise<never>(() => undefined);

function request(id: number, changes: Partial<RawFrame> = {}): RawFrame {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id, timeoutMs: 5000, body: '{"text":"a"}', ...changes };
}

const HELLO = { type: FrameType.hello, body: helloBody() };

test.each<[string, Buffer | string]>([
  ["garbage", Buffer.alloc(5000, 0xff)],
  ["zeros", Buffer.alloc(5000)],
  ["HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["a length over the limit", uint32(2 ** 20 + 1)],
  ["a call before HELLO", encode(request(1))],
  ["a HELLO of another protocol", encode({ ...HELLO, body: helloBody({ magic: "other" }) })],
  ["a HELLO that is not JSON", encode({ ...HELLO, body: "hello" })],
  [
    "a HELLO of another version",
    encode({ type: FrameType.hello, body: helloBody({ versions: [7, 9] }) }),
  ],
  ["a second HELLO", Buffer.concat([encode(HELLO), encode(HELLO)])],
  ["an unknown frame", Buffer.concat([encode(HELLO), encode({ type: 99 })])],
  ["a call with the id 0", Buffer.concat([encode(HELLO), encode(request(0))])],
  ["two calls with one id", Buffer.concat([HELLO, request(5), request(5)].map(encode))],
])("%s is refused with one ERROR and closed, and affects no other client", async (_, bytes) => {
  await using server = startServer(HANG);
  using bystander = await RawPeer.greet(server.port);
  using peer = await RawPeer.connect(server.port);
  peer.onFrame = ({ type }) => {
    if (type === FrameType.error) peer.write(Buffer.alloc(100, 0xff)); // It keeps sending.
  };
  peer.write(bytes);
  await peer.closed.promise;
  const { id, body } = await peer.frame(FrameType.error);
  expect(id).toBe(0);
  expect(JSON.parse(body)).toMatchObject({ code: "invalid_argument" });
  await eventually(() => server.listener.connections === 1);
  expect(server.logged.filter((line) => line.includes("closed a peer"))).toHaveLength(1);
  bystander.send(request(1, { body: "{}" }));
  expect((await bystander.frame(FrameType.error)).id).toBe(1);
});

test.each([
  ["sends nothing", Buffer.alloc(0)],
  ["sends half a HELLO", encode(HELLO).subarray(0, 30)],
])("a peer that %s is closed after handshakeTimeoutMs", async (_, bytes) => {
  await using server = startServer(ECHO, { limits: { handshakeTimeoutMs: 500 } });
  using greeted = await RawPeer.greet(server.port);
  using peer = await RawPeer.connect(server.port);
  peer.write(bytes);
  await peer.closed.promise;
  await Bun.sleep(500);
  expect(greeted.isClosed).toBeFalse();
  expect(server.listener.connections).toBe(1);
});

test("HELLO announces the build, the limits and each method's hash", async () => {
  await using server = startServer(ECHO, { limits: { maxInFlight: 17 }, build: "portico/test" });
  using peer = await RawPeer.greet(server.port);
  const { body } = await peer.frame(FrameType.hello);
  expect(JSON.parse(body)).toEqual({
    build: "portico/test",
    nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
    magic: "portico",
    versions: [1, 1],
    maxFrameBytes: DEFAULT_LIMITS.maxFrameBytes,
    maxInFlight: 17,
    methods: { [SAY.number]: SAY.hash },
    olderShapes: {},
  });
});

test("a call whose handler hangs ends at its deadline; a late result is discarded", async () => {
  const late = { succeed: Promise.withResolvers<never>(), fail: Promise.withResolvers<never>() };
  await using server = startServer(async ({ text }) => {
    if (text === "succeed" || text === "fail") return late[text].promise;
    return { text };
  });
  using peer = await RawPeer.greet(server.port);
  peer.send(
    request(1, { timeoutMs: 50, body: '{"text":"succeed"}' }),
    request(2, { timeoutMs: 50, body: '{"text":"fail"}' }),
  );
  for (const id of [1, 2]) {
    const { flags, body } = await peer.frame(FrameType.error, id);
    expect(flags & Flag.processed).toBeTruthy();
    expect(JSON.parse(body)).toMatchObject({ code: "deadline_exceeded" });
  }
  late.succeed.resolve(JSON.parse('{"text":"late"}'));
  late.fail.reject(new Error("late"));
  peer.send(request(3));
  await peer.frame(FrameType.response, 3);
  expect(peer.frames.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3]);
  expect(server.logged.join()).toContain("late"); // The log still shows the error.
});

test("CANCEL gives the slot back at once, and the call is never answered", async () => {
  const late = Promise.withResolvers<{ text: string }>();
  await using server = startServer(
    ({ text }) => (text === "hang" ? late.promise : Promise.resolve({ text })),
    { limits: { maxInFlight: 1 } },
  );
  using peer = await RawPeer.greet(server.port);
  peer.send(
    request(1, { body: '{"text":"hang"}' }),
    { type: FrameType.cancel, flags: Flag.optional, id: 1 },
    { type: FrameType.cancel, flags: Flag.optional, id: 4711 },
    request(2),
  );
  await peer.frame(FrameType.response, 2);
  late.resolve({ text: "late" });
  peer.send(request(3));
  await peer.frame(FrameType.response, 3);
  expect(peer.frames.filter(({ id }) => id === 1)).toEqual([]);
});

test("an unknown method number is unimplemented and not processed", async () => {
  await using server = startServer(ECHO);
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1, { method: 4711 }));
  const { flags, body } = await peer.frame(FrameType.error, 1);
  expect(flags & Flag.processed).toBe(0);
  expect(JSON.parse(body)).toMatchObject({ code: "unimplemented" });
});

test("a body that is not JSON is invalid_argument and not processed", async () => {
  await using server = startServer(ECHO);
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1, { body: '{"text":' }));
  const { flags, body } = await peer.frame(FrameType.error, 1);
  expect(flags & Flag.processed).toBe(0);
  // Without the parser's message, which would quote the body.
  const message = "Cannot accept the request of Test.say: not JSON";
  expect(JSON.parse(body)).toEqual({ code: "invalid_argument", message });
});

test("a call beyond maxInFlight is refused as not processed", async () => {
  await using server = startServer(HANG, { limits: { maxInFlight: 2 } });
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1), request(2), request(3));
  const { id, flags, body } = await peer.frame(FrameType.error);
  expect(id).toBe(3);
  expect(flags & Flag.processed).toBe(0);
  expect(JSON.parse(body)).toMatchObject({ code: "resource_exhausted" });
});

test("the message of an unexpected error does not cross the wire", async () => {
  await using server = startServer(() => Promise.reject(new Error("secret", { cause: "more" })));
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1));
  const { body } = await peer.frame(FrameType.error, 1);
  expect(body).toBe('{"code":"internal","message":"Test.say failed"}');
});

test.each([
  ["of good form", '{"requestId":"abc"}', "abc"],
  ["that is too long", `{"requestId":"${"x".repeat(500)}"}`, "x".repeat(128)],
  ["without a request id", "{}", ""],
  ["that is no object", "42", ""],
  ["that is not JSON", "{", ""],
])("metadata %s does not keep a call from its handler", async (_, metadata, requestId) => {
  await using server = startServer(async (_request, context) => ({ text: context.requestId }));
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1, { metadata }));
  const { body } = await peer.frame(FrameType.response, 1);
  expect(JSON.parse(body)).toEqual({ text: requestId });
});

test("an answer that is over the peer's limit closes the connection", async () => {
  await using server = startServer(() => Promise.reject(new Error("boom")));
  using peer = await RawPeer.greet(server.port, { maxFrameBytes: 20 });
  peer.send(request(1));
  await peer.closed.promise;
  await eventually(() => server.listener.connections === 0);
});

test("a peer that stops reading is cut off", async () => {
  await using server = startServer(async () => ({ text: "x".repeat(500_000) }), {
    limits: { maxOutgoingBytes: 1_000_000 },
  });
  using peer = await RawPeer.greet(server.port, { maxFrameBytes: 2 ** 20 });
  peer.socket?.pause();
  for (let id = 1; id <= 100; id++) peer.send(request(id));
  await eventually(() => server.listener.connections === 0);
  expect(server.logged.join()).toContain("does not read");
});

test("close() lets running calls finish, refuses new ones and then closes", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = startServer(async (message) => {
    await gate.promise;
    return message;
  });
  using client = startClient(server.port);
  const running = ["a", "b", "c"].map((text) => client.say(text));
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1));
  using idle = await RawPeer.greet(server.port);
  await eventually(() => server.listener.connections === 3);
  await client.balancer.call(SAY, JSON.parse("{}")).catch(() => undefined); // All have arrived.
  peer.send(request(2, { body: "{}" }));
  await peer.frame(FrameType.error, 2);

  const closing = server.listener.close(10_000);
  void server.listener.close(0); // A second SIGTERM changes nothing.
  await idle.closed.promise;
  expect(await failure(client.say("new"))).toMatchObject({
    status: "unavailable",
    processed: false,
  });
  expect(await failure(RawPeer.connect(server.port))).toMatchObject({ code: "ECONNREFUSED" });
  await Bun.sleep(20); // Time for the second close() to have an effect.
  gate.resolve();
  expect(await Promise.all(running)).toEqual(["a", "b", "c"]);
  await peer.frame(FrameType.response, 1);
  await closing;
  expect(server.listener.connections).toBe(0);
});

test("close() delivers a large last answer whole", async () => {
  const gate = Promise.withResolvers<void>();
  const text = "x".repeat(1_000_000);
  await using server = startServer(async (message) => {
    if (message.text === "wait") await gate.promise;
    return { text };
  });
  using client = startClient(server.port);
  await client.say("warm");
  const running = Array.from({ length: 10 }, () => client.say("wait"));
  await client.say("all have arrived");
  const closing = server.listener.close(10_000);
  gate.resolve();
  for (const answer of await Promise.all(running)) expect(answer).toHaveLength(text.length);
  await closing;
});

test("close() cuts off calls that still run after its grace", async () => {
  let runs = 0;
  await using server = startServer(() => {
    runs++;
    return new Promise(() => undefined);
  });
  using client = startClient(server.port);
  const running = failure(client.say("a"));
  await eventually(() => runs === 1);
  const startedAt = performance.now();
  await server.listener.close(80);
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThanOrEqual(75);
  expect(tookMs).toBeLessThan(2000);
  expect(await running).toMatchObject({ status: "unavailable", processed: true });
  expect(server.listener.connections).toBe(0);
});

test("a handler that ends after its connection was lost affects no other call", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = startServer(async (message) => {
    await gate.promise;
    return message;
  });
  using peer = await RawPeer.greet(server.port);
  peer.send(request(1), request(2, { body: "{}" }));
  await peer.frame(FrameType.error, 2);
  peer.socket?.terminate();
  await eventually(() => server.listener.connections === 0);
  gate.resolve();
  using client = startClient(server.port);
  expect(await client.say("a")).toBe("a");
  expect(server.logged).toEqual([]);
});

test("a bug in the server's code closes one connection and not the process", async () => {
  const logged: unknown[] = [];
  const log = { ...SILENT, error: (fields: unknown) => logged.push(fields) };
  const broken = { method: SAY, invoke: () => JSON.parse("null") };
  const listener = new Listener({ host: HOST, port: 0, tables: [[broken]], log });
  using client = startClient(listener.port);
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "unavailable", processed: true });
  expect(logged).toHaveLength(1);
  await listener.close(0);
});

test("a Listener refuses two methods with the same number", () => {
  const tables = [[entry(SAY, ECHO)], [entry({ ...SAY, name: "Test.sing" }, ECHO)]];
  expect(() => new Listener({ host: HOST, port: 0, tables, log: SILENT })).toThrow(
    "Cannot serve Test.sing: Test.say has its number",
  );
});

test("a Listener refuses a port that is in use", async () => {
  await using server = startServer(ECHO);
  expect(() => startServer(ECHO, { port: server.port })).toThrow();
});
