import { expect, setDefaultTimeout, test } from "bun:test";
import { type RawPeer, startFakeAnswerer, startFakeServer } from "../testing/raw-peer.ts";
import { deadPort, eventually, failure, startClient, startServer } from "../testing/stack.ts";
import { FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Handlers that wait until they are released, by the text of their call. */
class Gate {
  readonly waiting = new Map<string, () => void>();
  readonly started: string[] = [];

  readonly handler = async ({ text }: { text: string }): Promise<{ text: string }> => {
    this.started.push(text);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.set(text, resolve);
    await promise;
    return { text };
  };

  async letGo(text: string): Promise<void> {
    await eventually(() => this.waiting.has(text));
    this.waiting.get(text)?.();
    this.waiting.delete(text);
  }
}

const CLASSIC = { maxInFlight: 1 };
const SINGLE = { maxInFlight: 1, maxConnections: 1 };

test("with maxInFlight 1, every running call has its own connection", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, { ...CLASSIC, maxConnections: 8 });
  const calls = ["a", "b", "c", "d", "e"].map((text) => client.say(text));
  await eventually(() => gate.started.length === 5);
  expect(server.listener.connections).toBe(5);
  for (const text of gate.started) await gate.letGo(text);
  expect(await Promise.all(calls)).toEqual(["a", "b", "c", "d", "e"]);
});

test("maxConnections and maxInFlight are respected", async () => {
  let running = 0;
  let peak = 0;
  let connections = 0;
  await using server = startServer(async (request) => {
    peak = Math.max(peak, ++running);
    connections = Math.max(connections, server.listener.connections);
    await Bun.sleep(2);
    running--;
    return request;
  });
  using client = startClient(server.port, { maxConnections: 3, maxInFlight: 2, maxIdle: 3 });
  const texts = Array.from({ length: 100 }, (_, n) => String(n));
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
  expect(peak).toBe(6);
  expect(connections).toBe(3);
});

test("calls that overlap for a long time add no slots", async () => {
  let running = 0;
  let peak = 0;
  await using server = startServer(async (request) => {
    peak = Math.max(peak, ++running);
    await Bun.sleep(Number(request.text) % 4);
    running--;
    return request;
  });
  using client = startClient(server.port, { maxConnections: 1, maxInFlight: 2 });
  for (let n = 0; n < 20; n++) await Promise.all([client.say(String(n)), client.say("1")]);
  await Promise.all(Array.from({ length: 10 }, (_, n) => client.say(String(n))));
  expect(peak).toBe(2);
});

test("calls are packed up to packedInFlight on each open connection, and then spread", async () => {
  const requests = new Map<RawPeer, number>();
  using server = startFakeAnswerer((_, peer) => {
    requests.set(peer, (requests.get(peer) ?? 0) + 1);
  });
  using client = startClient(server.port, { minIdle: 2, packedInFlight: 3 });
  await eventually(() => server.peers.filter(({ frames }) => frames.length > 0).length === 2);
  await Bun.sleep(20); // The rest of the handshakes.
  for (const [calls, onEach] of [
    [3, [3]],
    [3, [3, 3]],
    [4, [5, 5]],
  ] as const) {
    for (let call = 0; call < calls; call++) void failure(client.say("a", 60_000));
    await eventually(() => `${[...requests.values()]}` === `${onEach}`);
  }
});

test("the smaller maxInFlight of both sides counts", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler, { limits: { maxInFlight: 2 } });
  using client = startClient(server.port, { maxInFlight: 100, maxConnections: 8 });
  const calls = ["a", "b", "c", "d", "e"].map((text) => client.say(text));
  await eventually(() => gate.started.length === 5);
  expect(server.listener.connections).toBe(3);
  for (const text of ["a", "b", "c", "d", "e"]) await gate.letGo(text);
  await Promise.all(calls);
});

test("waiters are served first come, first served, and each slot is handed over", async () => {
  const order: string[] = [];
  using server = startFakeAnswerer((frame, peer) => {
    order.push(JSON.parse(frame.body).text);
    setTimeout(() => peer.send({ type: FrameType.response, id: frame.id, body: frame.body }), 1);
  });
  using client = startClient(server.port, SINGLE);
  const texts = Array.from({ length: 50 }, (_, n) => String(n));
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
  expect(order).toEqual(texts);
  expect(server.peers).toHaveLength(1);
});

test("if the queue of waiters is full, the next call is refused at once", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, { ...SINGLE, maxWaiters: 2 });
  const running = client.say("running");
  await eventually(() => gate.started.length === 1);
  const waiting = [client.say("first"), client.say("second")];
  const error = await failure(client.say("one too many"));
  expect(error).toMatchObject({ status: "resource_exhausted", processed: false });
  expect(error).toMatchObject({ retryAfterMs: expect.any(Number) });
  for (const text of ["running", "first", "second"]) await gate.letGo(text);
  expect(await Promise.all([running, ...waiting])).toEqual(["running", "first", "second"]);
});

test("a waiter whose deadline passes leaves the queue to another call", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, { ...SINGLE, maxWaiters: 2 });
  const running = client.say("running");
  await eventually(() => gate.started.length === 1);
  const [hasty, patient] = [failure(client.say("hasty", 50)), client.say("patient")];
  const error = await hasty;
  expect(error).toMatchObject({ status: "deadline_exceeded", processed: false });
  expect(String(error)).toMatch(/waiting for a connection [1-9]/);
  const late = client.say("late"); // The queue has room again.
  for (const text of ["running", "patient", "late"]) await gate.letGo(text);
  expect(await Promise.all([running, patient, late])).toEqual(["running", "patient", "late"]);
  expect(gate.started).toEqual(["running", "patient", "late"]);
});

test("a call that ends at its deadline frees its slot for the longest waiter", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, SINGLE);
  const slow = failure(client.say("slow", 100));
  await eventually(() => gate.started.length === 1);
  const next = client.say("next");
  expect(await slow).toMatchObject({ status: "deadline_exceeded", processed: true });
  await gate.letGo("next");
  expect(await next).toBe("next");
  expect(server.listener.connections).toBe(1);
});

test("idle connections over maxIdle are closed, and the others are used again", async () => {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, { ...CLASSIC, maxConnections: 8, maxIdle: 2 });
  const texts = ["a", "b", "c", "d", "e", "f"];
  const calls = texts.map((text) => client.say(text));
  await eventually(() => server.listener.connections === 6 && gate.started.length === 6);
  for (const text of texts) await gate.letGo(text);
  await Promise.all(calls);
  await eventually(() => server.listener.connections === 2);
  const again = client.say("again");
  await gate.letGo("again");
  expect(await again).toBe("again");
  expect(server.listener.connections).toBe(2);
});

test("a refused connection fails all its waiters as unavailable at once", async () => {
  using client = startClient(deadPort());
  const startedAt = performance.now();
  const errors = await Promise.all(["a", "b", "c"].map((text) => failure(client.say(text))));
  for (const error of errors) {
    expect(error).toMatchObject({ status: "unavailable", processed: false });
  }
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test("a server that dies fails the calls it had, and serves again once it is back", async () => {
  const gate = new Gate();
  await using first = startServer(gate.handler);
  const { port } = first;
  using client = startClient(port, SINGLE);
  const running = failure(client.say("running"));
  await eventually(() => gate.started.length === 1);
  await first.listener.close(0);
  expect(await running).toMatchObject({ status: "unavailable", processed: true });
  expect(await failure(client.say("down"))).toMatchObject({
    status: "unavailable",
    processed: false,
  });
  await using second = startServer(async (request) => request, { port });
  expect(await client.say("back")).toBe("back");
  expect(second.listener.connections).toBe(1);
});

test("if a connection is lost, its waiters get a new one", async () => {
  let requests = 0;
  using server = startFakeAnswerer((frame, peer) => {
    if (++requests === 1) peer.socket?.terminate();
    else peer.send({ type: FrameType.response, id: frame.id, body: frame.body });
  });
  using client = startClient(server.port, SINGLE);
  const lost = failure(client.say("lost"));
  const waiting = ["a", "b", "c"].map((text) => client.say(text));
  expect(await lost).toMatchObject({ status: "unavailable", processed: true });
  expect(await Promise.all(waiting)).toEqual(["a", "b", "c"]);
  expect(server.peers).toHaveLength(2);
});

test("a connection that cannot be opened disturbs no open one", async () => {
  let accepted = 0;
  using server = startFakeAnswerer((frame, peer) => {
    setTimeout(() => peer.send({ type: FrameType.response, id: frame.id, body: frame.body }), 30);
  });
  using client = startClient(server.port, { ...CLASSIC, maxConnections: 4 });
  expect(await client.say("a")).toBe("a");
  // From here on, every new connection is closed before its HELLO.
  server.onOpen = (peer) => {
    accepted++;
    peer.socket?.terminate();
  };
  const texts = ["b", "c", "d", "e"];
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
  expect(accepted).toBe(3); // One for each waiter, and no storm of connections.
});

test("close() ends a connection that is being opened, and its waiters", async () => {
  using server = startFakeServer(() => undefined); // Never sends HELLO.
  using client = startClient(server.port);
  const call = failure(client.say("a"));
  await eventually(() => server.peers.length === 1);
  client.balancer.close();
  expect(await call).toMatchObject({ status: "unavailable", processed: false });
  await eventually(() => server.peers.every((peer) => peer.isClosed));
});
