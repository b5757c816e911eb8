import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Deadlines } from "../deadlines.ts";
import { DEFAULT_POOL_LIMITS, type PoolLimits } from "../limits.ts";
import { Phases } from "../phases.ts";
import { answersWell, type FaultyServer, startFaultyServer } from "../testing/faults.ts";
import { eventually, failure, HOST, SAY, startClient } from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";
import { clientHello } from "../wire/handshake.ts";
import { Attempt } from "./attempt.ts";
import { Pool } from "./pool.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
/** How often a pool checks its connections. */
const TICK_MS = 250;
/** Each connection has one slot. */
const CLASSIC = { maxInFlight: 1 };

/** Never answers on the first connections, and answers on all others. */
function startHoldingServer(heldConnections: number): FaultyServer {
  const server = startFaultyServer((request, peer) => {
    if (server.peers.indexOf(peer) >= heldConnections) answersWell(request, peer);
  });
  return server;
}

describe.concurrent("a call that finds no free slot", () => {
  test("is served by a new connection, even if the first try to open it fails", async () => {
    using server = startHoldingServer(1);
    server.onOpen = (peer) => {
      if (server.peers.length === 2) peer.socket?.terminate();
    };
    using client = startClient(server.port, CLASSIC);
    const held = failure(client.say("held", LONG_MS));
    await eventually(() => server.requests.length === 1);
    using stopwatch = new Stopwatch();
    expect(await client.say("waiting", 3000)).toBe("waiting");
    expect(stopwatch.ms).toBeLessThan(5 * DEFAULT_POOL_LIMITS.minBackoffMs);
    expect(server.peers).toHaveLength(3);
    client.balancer.close();
    await held;
  });

  test("opens connections no more often than the backoff allows", async () => {
    const backoffMs = 200;
    using server = startHoldingServer(1);
    server.onOpen = (peer) => {
      if (server.peers.length > 1) peer.socket?.terminate();
    };
    const limits = { ...CLASSIC, minBackoffMs: backoffMs, maxBackoffMs: backoffMs };
    using client = startClient(server.port, limits);
    const calls = [failure(client.say("held", LONG_MS))];
    await eventually(() => server.requests.length === 1);
    const startedAt = performance.now();
    while (performance.now() < startedAt + 3 * backoffMs) {
      calls.push(failure(client.say("waiting", LONG_MS)));
      await Bun.sleep(2);
    }
    await eventually(() => server.peers.length > 2);
    // Two tries are at least half the backoff apart.
    const allowed = 1 + (performance.now() - startedAt) / (backoffMs / 2);
    expect(server.peers.length - 1).toBeLessThan(2 * allowed);
    client.balancer.close();
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ status: "unavailable" });
    }
  });

  test("is served when other connections reach maxAgeMs, while their calls finish", async () => {
    using server = startHoldingServer(2);
    const limits = { ...CLASSIC, maxConnections: 2, maxAgeMs: 300, minIdle: 0 };
    using client = startClient(server.port, limits);
    const held = [failure(client.say("a", LONG_MS)), failure(client.say("b", LONG_MS))];
    await eventually(() => server.requests.length === 2);
    expect(await client.say("waiting", 3000)).toBe("waiting");
    expect(server.peers.map(({ isClosed }) => isClosed)).toEqual([false, false, false]);
    client.balancer.close();
    await Promise.all(held);
  });
});

/** A pool without a balancer, whose ticks come from the test. */
class BarePool implements Disposable {
  readonly pool: Pool;
  readonly #deadlines = new Deadlines();

  constructor(port: number, changes: Partial<PoolLimits>) {
    const limits = { ...DEFAULT_POOL_LIMITS, ...changes };
    const greeting = { hello: clientHello(limits, "test") };
    this.pool = new Pool({ host: HOST, port }, limits, greeting, () => undefined);
  }

  say(text: string, timeoutMs: number): Promise<unknown> {
    const begunAt = performance.now();
    const { promise, resolve: onReply, reject: onError } = Promise.withResolvers<unknown>();
    const request = {
      method: SAY,
      body: JSON.stringify({ text }),
      requestId: "",
      metadata: {},
      metadataText: "",
      begunAt,
      deadline: begunAt + timeoutMs,
      slowAt: begunAt + timeoutMs,
      onSlow: () => undefined,
      phases: new Phases(begunAt),
      onReply,
      onError,
    };
    this.pool.submit(new Attempt(request, this.#deadlines));
    return promise;
  }

  [Symbol.dispose](): void {
    this.pool.close();
  }
}

test.each([0, 1])(
  "if one of two full connections reaches maxAgeMs, a new one is opened, with minIdle %d",
  async (minIdle) => {
    const maxAgeMs = 200;
    using server = startHoldingServer(2);
    using bare = new BarePool(server.port, { ...CLASSIC, maxConnections: 2, maxAgeMs, minIdle });
    const held = [failure(bare.say("a", LONG_MS))];
    await eventually(() => server.requests.length === 1);
    await Bun.sleep(maxAgeMs);
    const secondAt = performance.now();
    held.push(failure(bare.say("b", LONG_MS)));
    await eventually(() => server.requests.length === 2);
    const waiting = bare.say("waiting", 3000);
    // Within 10 %, the first has reached that age, and the second cannot have.
    bare.pool.tick(secondAt + maxAgeMs / 2);
    expect(await waiting).toEqual({ text: "waiting" });
    expect(server.peers.map(({ isClosed }) => isClosed)).toEqual([false, false, false]);
    bare.pool.close();
    await Promise.all(held);
  },
);

test("no more than maxIdle connections are opened ahead, whatever minIdle says", async () => {
  using server = startFaultyServer();
  using _client = startClient(server.port, { minIdle: 3, maxIdle: 1 });
  await eventually(() => server.peers.length === 1);
  await Bun.sleep(3 * TICK_MS);
  expect(server.peers).toHaveLength(1);
});
