import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { helloBody, startFakeServer } from "../testing/raw-peer.ts";
import { startSlowLine } from "../testing/slow-line.ts";
import { eventually, failure, startClient, startServer } from "../testing/stack.ts";
import { FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const MEGABYTE = 1_000_000;

describe.concurrent("a line that is slower than the silence limit", () => {
  /** A peer that is silent for 1,000 to 1,250 ms is closed. */
  const limits = { pingIntervalMs: 500, pingTimeoutMs: 500, maxConnections: 1 };

  test("carries large replies, although the server hears nothing in the meantime", async () => {
    const large = "x".repeat(MEGABYTE / 10);
    await using server = startServer(async () => ({ text: large }), { limits });
    using line = await startSlowLine(server.port, 0.4 * MEGABYTE);
    using client = startClient(line.port, limits);
    const calls = Array.from({ length: 10 }, (_, n) => client.say(`${n}`, LONG_MS));
    for (const reply of await Promise.all(calls)) expect(reply).toHaveLength(large.length);
    expect(line.connections).toBe(1);
    expect(server.logged).toEqual([]);
  });

  test.each([
    ["as many as the kernel buffers", 10, 0.4 * MEGABYTE],
    ["more than the kernel buffers", 100, 4 * MEGABYTE],
  ])("carries large requests, %s, before any reply comes", async (_, count, rate) => {
    const large = "x".repeat(MEGABYTE / 10);
    // The answers come after all requests: until then the client receives only PINGs.
    const read = Promise.withResolvers<void>();
    let started = 0;
    await using server = startServer(
      async ({ text }) => {
        if (++started === count) read.resolve();
        await read.promise;
        return { text: `${text.length}` };
      },
      { limits },
    );
    using line = await startSlowLine(server.port, rate);
    using client = startClient(line.port, limits);
    const calls = Array.from({ length: count }, () => client.say(large, LONG_MS));
    for (const reply of await Promise.all(calls)) expect(reply).toBe(`${large.length}`);
    expect(line.connections).toBe(1);
    expect(server.logged).toEqual([]);
  });

  // The kernel reports room only when a third of its buffer has left. For the default limits,
  // a line of about 1 Mbit/s is as slow as this one.
  test("carries large requests with an answer each, although it rarely drains", async () => {
    const watchful = { pingIntervalMs: 250, pingTimeoutMs: 250, maxConnections: 1 };
    const large = "x".repeat(MEGABYTE / 10);
    await using server = startServer(async ({ text }) => ({ text: `${text.length}` }), {
      limits: watchful,
    });
    using line = await startSlowLine(server.port, 2 * MEGABYTE);
    using client = startClient(line.port, watchful);
    const calls = Array.from({ length: 120 }, () => client.say(large, LONG_MS));
    for (const reply of await Promise.all(calls)) expect(reply).toBe(`${large.length}`);
    expect(line.connections).toBe(1);
  });
});

/** Read HELLO, and then nothing more. */
function startDeafServer() {
  return startFakeServer((frame, peer) => {
    if (frame.type === FrameType.hello) {
      peer.send({ type: FrameType.hello, body: helloBody({ maxFrameBytes: MEGABYTE }) });
    }
    if (frame.type === FrameType.request) peer.socket?.pause();
  });
}

describe("more requests than a connection can send at once", () => {
  const large = "x".repeat(0.9 * MEGABYTE);

  test("wait for a server that reads slowly, and a small call in between is answered", async () => {
    await using server = startServer(async ({ text }) => ({ text: `${text.length}` }));
    using client = startClient(server.port, { maxConnections: 1 });
    await client.say("connected");
    const small = [client.say("small", LONG_MS)];
    const calls = Array.from({ length: 40 }, () => client.say(large, LONG_MS));
    small.push(client.say("small", LONG_MS));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([`${large.length}`]));
    expect(await Promise.all(small)).toEqual(["5", "5"]);
    expect(server.listener.connections).toBe(1);
    expect(server.logged).toEqual([]);
  });

  test("are sent in the order of their calls, also those that wait in the pool", async () => {
    const texts: string[] = [];
    let pauseAt = 1;
    using server = startFakeServer((frame, peer) => {
      const body = helloBody({ maxFrameBytes: MEGABYTE });
      if (frame.type === FrameType.hello) return peer.send({ type: FrameType.hello, body });
      texts.push(frame.body.slice(0, 20));
      if (texts.length === pauseAt) peer.socket?.pause();
    });
    using client = startClient(server.port, { maxOutgoingBytes: 40 * MEGABYTE, maxConnections: 1 });
    const calls = [failure(client.say("first", LONG_MS))];
    await eventually(() => texts.length === 1);
    // From the half of maxOutgoingBytes on, calls wait in the pool.
    for (let n = 0; n < 40; n++) calls.push(failure(client.say(large, LONG_MS)));
    calls.push(failure(client.say("early", LONG_MS)));
    // Less than half remains, but not nothing: the kernel buffers a few megabytes.
    pauseAt = 12;
    server.peers[0]?.socket?.resume();
    await eventually(() => texts.length === pauseAt);
    await Bun.sleep(50);
    calls.push(failure(client.say("late", LONG_MS)));
    server.peers[0]?.socket?.resume();
    await eventually(() => texts.length === 43, 20_000);
    expect(texts.slice(-2)).toEqual(['{"text":"early"}', '{"text":"late"}']);
    client.balancer.close();
    await Promise.all(calls);
  });

  test("were not processed if they had not left when the connection was lost", async () => {
    using server = startDeafServer();
    const maxOutgoingBytes = 100 * MEGABYTE;
    using client = startClient(server.port, { maxOutgoingBytes, maxConnections: 1 });
    const first = failure(client.say("first", LONG_MS));
    await eventually(() => server.peers.some(({ frames }) => frames.length > 1));
    // Far more than any kernel buffers for a peer that does not read.
    const calls = Array.from({ length: 40 }, () => failure(client.say(large, LONG_MS)));
    const last = failure(client.say("last", LONG_MS));
    await Bun.sleep(100);
    server.onOpen = (peer) => peer.socket?.terminate();
    server.peers[0]?.socket?.terminate();
    expect(await first).toMatchObject({ status: "unavailable", processed: true });
    expect(await last).toMatchObject({ status: "unavailable", processed: false });
    expect(await calls.at(-1)).toMatchObject({ status: "unavailable", processed: false });
  });
});
