import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { answersWell, startFaultyServer } from "../testing/faults.ts";
import { Gate } from "../testing/gate.ts";
import type { FakeServer } from "../testing/raw-peer.ts";
import { eventually, startClient, startServer, type TestClient } from "../testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** How often a pool checks its connections. */
const TICK_MS = 250;
const NEVER_MS = 10 ** 7;
const LONG_MS = 50_000;

const openOf = ({ peers }: FakeServer) => peers.filter(({ isClosed }) => !isClosed);

/** Concurrent calls, and connections if each takes one call. */
async function sayAtOnce(client: TestClient, count: number): Promise<void> {
  const texts = Array.from({ length: count }, (_, n) => String(n));
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
}

/** How long each connection from now on stays open, in the order in which they close. */
function watchAges(server: FakeServer): number[] {
  const ages: number[] = [];
  server.onOpen = async (peer) => {
    const openedAt = performance.now();
    await peer.closed.promise;
    ages.push(performance.now() - openedAt);
  };
  return ages;
}

describe.concurrent("a pool", () => {
  test("opens minIdle connections ahead, and no more", async () => {
    using server = startFaultyServer();
    using _client = startClient(server.port, { minIdle: 3 });
    await eventually(() => server.peers.length === 3);
    await Bun.sleep(3 * TICK_MS);
    expect(server.peers).toHaveLength(3);
    expect(openOf(server)).toHaveLength(3);
    expect(server.requests).toEqual([]);
  });

  test("replaces lost connections up to minIdle", async () => {
    using server = startFaultyServer();
    using _client = startClient(server.port, { minIdle: 3 });
    await eventually(() => server.peers.length === 3);
    for (const peer of server.peers.slice(0, 2)) peer.socket?.terminate();
    await eventually(() => server.peers.length === 5 && openOf(server).length === 3);
  });

  test("opens no more than maxConnections ahead, whatever minIdle says", async () => {
    using server = startFaultyServer();
    using _client = startClient(server.port, { minIdle: 5, maxIdle: 5, maxConnections: 2 });
    await eventually(() => server.peers.length === 2);
    await Bun.sleep(3 * TICK_MS);
    expect(server.peers).toHaveLength(2);
  });

  test("opens nothing ahead if minIdle is 0", async () => {
    using server = startFaultyServer();
    using client = startClient(server.port, { minIdle: 0 });
    await Bun.sleep(3 * TICK_MS);
    expect(server.peers).toEqual([]);
    expect(await client.say("a")).toBe("a");
    expect(server.peers).toHaveLength(1);
  });

  test("closes idle connections over minIdle after idleTimeoutMs, and not before", async () => {
    const idleTimeoutMs = 4 * TICK_MS;
    using server = startFaultyServer((request, peer) => {
      setTimeout(() => answersWell(request, peer), 50);
    });
    using client = startClient(server.port, { maxInFlight: 1, minIdle: 2, idleTimeoutMs });
    const ages = watchAges(server);
    await sayAtOnce(client, 4);
    await eventually(() => openOf(server).length === 2);
    expect(server.peers).toHaveLength(4);
    // Idle time is counted in ticks, and the first tick may come at once.
    for (const ms of ages) expect(ms).toBeGreaterThan(idleTimeoutMs - 2 * TICK_MS);
    await Bun.sleep(3 * TICK_MS);
    expect(openOf(server)).toHaveLength(2);
    await sayAtOnce(client, 2);
    expect(server.peers).toHaveLength(4); // The two kept ones serve the calls.
  });

  test("does not count a connection as idle that has calls again and again", async () => {
    using server = startFaultyServer();
    using client = startClient(server.port, { minIdle: 0, idleTimeoutMs: 2 * TICK_MS });
    const endsAt = performance.now() + 6 * TICK_MS;
    while (performance.now() < endsAt) {
      await client.say("a");
      await Bun.sleep(TICK_MS / 5);
    }
    expect(server.peers).toHaveLength(1);
    await eventually(() => openOf(server).length === 0);
  });

  test("closes idle connections over maxIdle at once, not after idleTimeoutMs", async () => {
    using server = startFaultyServer((request, peer) => {
      setTimeout(() => answersWell(request, peer), 50);
    });
    const limits = { maxInFlight: 1, minIdle: 1, maxIdle: 3, idleTimeoutMs: NEVER_MS };
    using client = startClient(server.port, limits);
    await sayAtOnce(client, 6);
    await eventually(() => openOf(server).length === 3);
    expect(server.peers).toHaveLength(6);
    await Bun.sleep(2 * TICK_MS);
    expect(openOf(server)).toHaveLength(3);
  });

  test("replaces a connection at maxAgeMs, and its call in flight still ends well", async () => {
    const gate = new Gate();
    await using server = startServer(({ text }, context) =>
      text.startsWith("slow") ? gate.handler({ text }, context) : Promise.resolve({ text }),
    );
    using client = startClient(server.port, { maxAgeMs: 400, minIdle: 1 });
    const slow = client.say("slow", LONG_MS);
    await gate.hasStarted("slow");
    expect(server.listener.connections).toBe(1);
    await eventually(() => server.listener.connections === 2);
    expect(await client.say("next")).toBe("next");
    expect(gate.aborted).toEqual([]);
    await gate.letGo("slow");
    expect(await slow).toBe("slow");
    await eventually(() => server.listener.connections === 1);
  });

  test("fails no call of a constant load while its connections are replaced", async () => {
    using server = startFaultyServer((request, peer) => {
      setTimeout(() => answersWell(request, peer), request.id % 20);
    });
    using client = startClient(server.port, { maxAgeMs: TICK_MS, maxInFlight: 4 });
    const endsAt = performance.now() + 6 * TICK_MS;
    const work = Array.from({ length: 10 }, async () => {
      while (performance.now() < endsAt) expect(await client.say("a")).toBe("a");
    });
    await Promise.all(work);
    expect(server.peers.length).toBeGreaterThan(5);
  });

  test("replaces connections of one age at different times, within 10 % of maxAgeMs", async () => {
    const maxAgeMs = 2400;
    const count = 24;
    using server = startFaultyServer((request, peer) => {
      setTimeout(() => answersWell(request, peer), 50);
    });
    using client = startClient(server.port, {
      maxInFlight: 1,
      maxConnections: count,
      maxIdle: count,
      maxAgeMs,
    });
    const ages = watchAges(server);
    await sayAtOnce(client, count);
    expect(server.peers).toHaveLength(count);
    await eventually(() => ages.length >= count, 4 * maxAgeMs);
    const [youngest = 0, oldest = 0] = [Math.min(...ages), Math.max(...ages)];
    expect(youngest).toBeGreaterThanOrEqual(0.9 * maxAgeMs);
    // Without jitter, all would go in one tick. A busy machine may delay a tick.
    expect(oldest - youngest).toBeGreaterThan(TICK_MS / 2);
  });
});
