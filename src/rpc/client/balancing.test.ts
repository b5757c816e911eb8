import { expect, setDefaultTimeout, test } from "bun:test";
import { type FakeServer, startFakeServer } from "../testing/raw-peer.ts";
import {
  deadPort,
  eventually,
  failure,
  SAY,
  startClient,
  startServer,
  type TestClient,
  type TestServer,
} from "../testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
/** A lost server is not tried again during a test. */
const NEVER_AGAIN = { minBackoffMs: 40_000, maxBackoffMs: 40_000 };

/** Answers after `delayMs` and counts. */
class CountingServer implements AsyncDisposable {
  served = 0;
  readonly server: TestServer;

  constructor(delayMs = 0, port = 0) {
    const handler = async (request: { text: string }) => {
      this.served++;
      if (delayMs > 0) await Bun.sleep(delayMs);
      return request;
    };
    this.server = startServer(handler, { port });
  }

  get port(): number {
    return this.server.port;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** A broken server: it closes every connection at once. */
function startBrokenServer(): FakeServer {
  const server = startFakeServer(() => undefined);
  server.onOpen = (peer) => peer.socket?.terminate();
  return server;
}

/** Idempotent, so that a connection that breaks unnoticed loses no call. */
async function readOneByOne({ balancer }: TestClient, count: number): Promise<void> {
  const read = { ...SAY, idempotent: true };
  for (let n = 0; n < count; n++) {
    const request = { text: String(n) };
    expect(await balancer.call(read, request, { timeoutMs: LONG_MS })).toEqual(request);
  }
}

test("the quicker of two servers gets most of the calls", async () => {
  await using slow = new CountingServer(40);
  await using quick = new CountingServer(2);
  using client = startClient([slow.port, quick.port]);
  await readOneByOne(client, 10); // Now it is connected to both.
  const before = { slow: slow.served, quick: quick.served };
  let left = 200;
  const workers = Array.from({ length: 6 }, async () => {
    while (left-- > 0) await client.say("a");
  });
  await Promise.all(workers);
  expect(quick.served - before.quick).toBeGreaterThan(2 * (slow.served - before.slow));
});

test("of three servers, the one with most in flight never gets the next call", async () => {
  const loads = [0, 0, 0];
  const handlers = loads.map((_, which) => () => {
    loads[which] = (loads[which] ?? 0) + 1;
    return new Promise<never>(() => undefined);
  });
  await using stack = new AsyncDisposableStack();
  const servers = handlers.map((handler) => stack.use(startServer(handler)));
  using client = startClient(servers.map(({ port }) => port));
  const hanging: Promise<unknown>[] = [];
  let middle = 0;
  for (let call = 1; call <= 135; call++) {
    const before = [...loads];
    const [least = 0, second = 0, most = 0] = loads.toSorted((one, other) => one - other);
    hanging.push(failure(client.say(String(call), LONG_MS)));
    await eventually(() => loads.reduce((sum, load) => sum + load) === call);
    const chosen = before.find((load, which) => loads[which] !== load);
    if (second < most) expect(chosen).not.toBe(most);
    if (least < second && chosen !== least) middle++;
  }
  // Nor always the one with the least: all clients would choose the same server at once.
  expect(middle).toBeGreaterThan(0);
  client.balancer.close();
  await Promise.all(hanging);
});

test("a lost server gets no call while another serves, until it is back", async () => {
  await using steady = new CountingServer();
  const first = new CountingServer();
  const { port } = first;
  using client = startClient([port, steady.port], { minBackoffMs: 50, maxBackoffMs: 200 });
  await readOneByOne(client, 30);
  expect(Math.min(first.served, steady.served)).toBeGreaterThan(0);
  await first[Symbol.asyncDispose]();
  const before = steady.served;
  await readOneByOne(client, 30);
  expect(steady.served - before).toBe(30);
  await using back = new CountingServer(0, port);
  await eventually(() => back.server.listener.connections > 0);
  await readOneByOne(client, 30);
  expect(back.served).toBeGreaterThan(0);
});

test("while a server is left out, no call is tried there", async () => {
  using broken = startBrokenServer();
  await using healthy = new CountingServer();
  using client = startClient([broken.port, healthy.port], NEVER_AGAIN);
  await eventually(() => broken.peers.length > 0);
  await readOneByOne(client, 20); // Calls chosen before the server counts as lost.
  const connects = broken.peers.length;
  await readOneByOne(client, 100);
  expect(broken.peers).toHaveLength(connects);
});

/** How many of 40 calls are given to one of `dead` servers, of four in all. */
async function givenToDead(dead: number): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const broken = Array.from({ length: dead }, () => stack.use(startBrokenServer()));
  const healthy = Array.from({ length: 4 - dead }, () => stack.use(new CountingServer()));
  const ports = [...broken, ...healthy].map(({ port }) => port);
  const client = stack.use(startClient(ports, NEVER_AGAIN));
  await eventually(() => broken.every(({ peers }) => peers.length > 0));
  await eventually(() => healthy.every(({ server }) => server.listener.connections > 0));
  await Bun.sleep(50); // The client has seen them close.
  const connects = () => broken.reduce((sum, { peers }) => sum + peers.length, 0);
  const before = connects();
  let ended = 0;
  const count = 40;
  for (let n = 0; n < count; n++) {
    void client.say("a", LONG_MS).then(
      () => ended++,
      () => undefined,
    );
    await Bun.sleep(1);
  }
  const served = () => healthy.reduce((sum, each) => sum + each.served, 0);
  await eventually(() => ended === served());
  await Bun.sleep(50);
  // A call that is given to a dead server makes the pool connect, or waits for its return.
  return connects() - before + count - ended;
}

test("with one, two or three of four servers dead, the dead ones get no call", async () => {
  expect(await Promise.all([1, 2, 3].map(givenToDead))).toEqual([0, 0, 0]);
});

test("with three of four servers dead every call is answered, and later by all four", async () => {
  await using survivor = new CountingServer();
  const dead = [deadPort(), deadPort(), deadPort()];
  const backoff = { minBackoffMs: 50, maxBackoffMs: 200 };
  using client = startClient([...dead, survivor.port], backoff);
  const texts = Array.from({ length: 60 }, (_, n) => String(n));
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
  expect(survivor.served).toBe(60);
  await using stack = new AsyncDisposableStack();
  const back = dead.map((port) => stack.use(new CountingServer(0, port)));
  await eventually(() => back.every(({ server }) => server.listener.connections > 0));
  await readOneByOne(client, 100);
  for (const { served } of [...back, survivor]) expect(served).toBeGreaterThan(0);
});
