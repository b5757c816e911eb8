import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { DEFAULT_POOL_LIMITS } from "../limits.ts";
import { answersWell, startFaultyServer } from "../testing/faults.ts";
import { type FakeServer, startFakeServer } from "../testing/raw-peer.ts";
import {
  deadPort,
  eventually,
  failure,
  startClient,
  startServer,
  type TestClient,
} from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const WATCHED_MS = 1500;
const BACKOFF = { minBackoffMs: 100, maxBackoffMs: 400 };
/** Tries at 0, 50, 150, 350, 550 ms at the earliest; at 0, 100, 300, 700, 1100 at the latest. */
const MOST_TRIES = 13;
const FEWEST_TRIES = 3;

interface BrokenServer extends FakeServer {
  /** When connections came, on `performance.now()`. */
  readonly connectedAt: number[];
}

/** Accepts every connection, and hangs up at once. */
function startBrokenServer(): BrokenServer {
  const connectedAt: number[] = [];
  const server = Object.assign(
    startFakeServer(() => undefined),
    { connectedAt },
  );
  server.onOpen = (peer) => {
    connectedAt.push(performance.now());
    peer.socket?.terminate();
  };
  return server;
}

/** A call every few milliseconds until `endsAt`; how they ended. */
async function load(client: TestClient, endsAt: number): Promise<PromiseSettledResult<string>[]> {
  const calls: Promise<string>[] = [];
  while (performance.now() < endsAt) {
    const call = client.say("a", LONG_MS);
    call.catch(() => undefined); // Checked when all have ended.
    calls.push(call);
    await Bun.sleep(4);
  }
  return await Promise.allSettled(calls);
}

describe.concurrent("tries at a dead address", () => {
  test.each([
    ["without a call", false],
    ["under a constant load of calls", true],
  ])("are spaced, and the spaces grow, %s", async (_, isLoaded) => {
    using broken = startBrokenServer();
    using client = startClient(broken.port, BACKOFF);
    const endsAt = performance.now() + WATCHED_MS;
    if (isLoaded) await load(client, endsAt);
    else await Bun.sleep(WATCHED_MS);
    const { connectedAt } = broken;
    expect(connectedAt.length).toBeLessThanOrEqual(MOST_TRIES);
    expect(connectedAt.length).toBeGreaterThanOrEqual(FEWEST_TRIES);
    // Half of 100, 200 and 400 ms, summed up: a busy machine may see one of them late.
    const [first = 0, , , fourth = 0] = connectedAt;
    expect(fourth === 0 || fourth - first > 300).toBeTrue();
  });

  test("are never further apart than maxBackoffMs", async () => {
    using broken = startBrokenServer();
    using _client = startClient(broken.port, { minBackoffMs: 50, maxBackoffMs: 100 });
    // The twelfth comes after a second. If every pause doubled, it would come after a minute.
    await eventually(() => broken.connectedAt.length >= 12, 20_000);
  });

  test("are as few if another address serves the calls", async () => {
    using broken = startBrokenServer();
    using healthy = startFaultyServer(answersWell);
    using client = startClient([broken.port, healthy.port], BACKOFF);
    const outcomes = await load(client, performance.now() + WATCHED_MS);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(broken.connectedAt.length).toBeLessThanOrEqual(MOST_TRIES);
    expect(broken.connectedAt.length).toBeGreaterThanOrEqual(FEWEST_TRIES);
  });

  test("are as few if it sends HELLO and then hangs up", async () => {
    using fickle = startFaultyServer((_request, peer) => peer.socket?.terminate());
    using client = startClient(fickle.port, { ...BACKOFF, minBackoffMs: 400 });
    await load(client, performance.now() + WATCHED_MS);
    expect(fickle.peers.length).toBeLessThanOrEqual(MOST_TRIES);
    expect(fickle.peers.length).toBeGreaterThanOrEqual(FEWEST_TRIES);
  });

  test("of many clients do not come at the same time", async () => {
    using broken = startBrokenServer();
    using stack = new DisposableStack();
    const limits = { minBackoffMs: 1000, maxBackoffMs: 1000 };
    const count = 20;
    for (let n = 0; n < count; n++) stack.use(startClient(broken.port, limits));
    await eventually(() => broken.connectedAt.length >= 2 * count);
    const second = broken.connectedAt.slice(count, 2 * count);
    // At most 500 ms apart; a busy machine delays all of them together.
    expect(Math.max(...second) - Math.min(...second)).toBeGreaterThan(100);
  });
});

describe.concurrent("the first call after a server's return", () => {
  test("waits for the next try and succeeds within a second", async () => {
    const port = deadPort();
    using client = startClient(port);
    // Longer than the longest pause between two tries.
    const calls = load(client, performance.now() + WATCHED_MS);
    await Bun.sleep(WATCHED_MS);
    await using _back = startServer(async (request) => request, { port });
    using watch = new Stopwatch();
    expect(await client.say("back", LONG_MS)).toBe("back");
    expect(watch.ms).toBeLessThanOrEqual(1000);
    await calls;
    expect(DEFAULT_POOL_LIMITS.maxBackoffMs).toBeLessThanOrEqual(1000);
  });

  test("succeeds as soon if there was no call in the meantime", async () => {
    const port = deadPort();
    const first = startServer(async (request) => request, { port });
    using client = startClient(port);
    await client.say("a");
    await first.listener.close(0);
    await Bun.sleep(WATCHED_MS);
    await using _back = startServer(async (request) => request, { port });
    using watch = new Stopwatch();
    expect(await client.say("back", LONG_MS)).toBe("back");
    expect(watch.ms).toBeLessThanOrEqual(1000);
  });

  test("succeeds as soon if another server is still dead", async () => {
    const port = deadPort();
    using client = startClient([port, deadPort()]);
    await Bun.sleep(WATCHED_MS);
    await using _back = startServer(async (request) => request, { port });
    using watch = new Stopwatch();
    expect(await client.say("back", LONG_MS)).toBe("back");
    expect(watch.ms).toBeLessThanOrEqual(2000); // A second for each address.
  });
});

describe.concurrent("an address that accepts and never sends HELLO", () => {
  const connectTimeoutMs = 400;
  const limits = { connectTimeoutMs, handshakeTimeoutMs: LONG_MS };

  // Longer than a tick: more connections are opened before the first one fails.
  test.each([1, 3])(
    "costs a call no more than connectTimeoutMs before another answers (minIdle %d)",
    async (minIdle) => {
      using silent = startFakeServer(() => undefined);
      await using healthy = startServer(async (request) => request);
      using client = startClient([silent.port, healthy.port], { ...limits, minIdle });
      using watch = new Stopwatch();
      const calls = Array.from({ length: 40 }, (_, n) => client.say(String(n), 10_000));
      expect(await Promise.all(calls)).toHaveLength(40);
      expect(silent.peers.length).toBeGreaterThan(0);
      expect(watch.ms).toBeLessThan(5 * connectTimeoutMs);
    },
  );

  test("costs no more if calls keep coming that each need a connection", async () => {
    using silent = startFakeServer(() => undefined);
    using client = startClient(silent.port, { ...limits, maxInFlight: 1 });
    const calls: Promise<unknown>[] = [];
    const endsAt = performance.now() + 3 * connectTimeoutMs;
    while (performance.now() < endsAt) {
      calls.push(failure(client.say("a", 10_000)));
      await Bun.sleep(4);
    }
    const outcomes = await Promise.all(calls);
    for (const error of outcomes) {
      expect(error).toMatchObject({ status: "unavailable", processed: false });
    }
  });

  test("costs later calls nothing: it is left out", async () => {
    using silent = startFakeServer(() => undefined);
    await using healthy = startServer(async (request) => request);
    using client = startClient([silent.port, healthy.port], { connectTimeoutMs: 1000 });
    await client.say("a", 10_000);
    await eventually(() => silent.peers[0]?.isClosed === true);
    using watch = new Stopwatch();
    for (let n = 0; n < 50; n++) expect(await client.say("a", 10_000)).toBe("a");
    expect(watch.ms).toBeLessThan(1000);
  });

  test("fails its calls as unavailable after connectTimeoutMs if it is the only one", async () => {
    using silent = startFakeServer(() => undefined);
    using client = startClient(silent.port, limits);
    const startedAt = performance.now();
    const error = await failure(client.say("a", 10_000));
    expect(error).toMatchObject({ status: "unavailable", processed: false });
    expect(String(error)).toContain("no HELLO in time");
    expect(performance.now() - startedAt).toBeGreaterThan(connectTimeoutMs / 2);
    await eventually(() => silent.peers[0]?.isClosed === true);
  });
});
