import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { answersWell } from "./testing/faults.ts";
import { Gate } from "./testing/gate.ts";
import {
  encode,
  helloBody,
  RawPeer,
  startFakeAnswerer,
  startFakeServer,
} from "./testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer } from "./testing/stack.ts";
import { startTap, typeOf } from "./testing/wire-tap.ts";
import { Flag, type Frame, FrameType } from "./wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
/** The shortest possible: one tick each. */
const WATCHFUL = { pingIntervalMs: 250, pingTimeoutMs: 250 };
/** A single connection, which the tests watch. */
const CLIENT = { ...WATCHFUL, minIdle: 1 };
/** Longer than both together, whenever the ticks come. */
const SILENCE_MS = 1300;
const PING = { type: FrameType.ping, flags: Flag.optional };

const framesOf = ({ frames }: RawPeer, type: number): Frame[] =>
  frames.filter((frame) => frame.type === type);

/** A server that answers calls, and whose PINGs the test handles. */
function startQuietServer(onPing: (frame: Frame, peer: RawPeer) => void) {
  return startFakeServer((frame, peer) => {
    if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body: helloBody() });
    if (frame.type === FrameType.request) answersWell(frame, peer);
    if (frame.type === FrameType.ping) onPing(frame, peer);
  });
}

function pong({ id }: Frame, peer: RawPeer): void {
  peer.send({ type: FrameType.pong, flags: Flag.optional, id });
}

describe.concurrent("a client", () => {
  test("sends PING on an idle connection, which PONG keeps open", async () => {
    using server = startQuietServer(pong);
    using client = startClient(server.port, CLIENT);
    await client.say("a");
    await Bun.sleep(SILENCE_MS);
    expect(await client.say("b")).toBe("b");
    expect(server.peers).toHaveLength(1);
    const [peer] = server.peers;
    const pings = peer ? framesOf(peer, FrameType.ping) : [];
    expect(pings.length).toBeGreaterThan(0);
    for (const { flags, body } of pings) expect([flags, body]).toEqual([Flag.optional, ""]);
  });

  test("closes an idle connection if the server is silent, and the next call opens another", async () => {
    using server = startQuietServer(() => undefined);
    using client = startClient(server.port, CLIENT);
    await client.say("a");
    await eventually(() => server.peers[0]?.isClosed === true);
    expect(await client.say("b")).toBe("b");
    const asked = server.peers.map((peer) => framesOf(peer, FrameType.request).length);
    expect(asked[0]).toBe(1);
    expect(asked.filter((count) => count > 0)).toEqual([1, 1]);
  });

  test("fails a call before its deadline if the server has fallen silent", async () => {
    using server = startFakeServer((frame, peer) => {
      if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body: helloBody() });
    });
    using client = startClient(server.port, CLIENT);
    const error = await failure(client.say("a", LONG_MS));
    expect(error).toMatchObject({ status: "unavailable", processed: true });
    expect(String(error)).toContain("silent");
  });

  test("takes any byte as a sign of life, even if the server sends no PONG", async () => {
    using server = startQuietServer(() => undefined);
    using client = startClient(server.port, CLIENT);
    const endsAt = performance.now() + SILENCE_MS;
    while (performance.now() < endsAt) {
      await client.say("a");
      await Bun.sleep(50);
    }
    expect(server.peers).toHaveLength(1);
    // The client still sends PING: a line may be busy in one direction only.
    expect(server.peers.flatMap((peer) => framesOf(peer, FrameType.ping))).not.toEqual([]);
  });

  test("answers a server's PING with a PONG of the same id", async () => {
    using server = startQuietServer(() => undefined);
    using client = startClient(server.port);
    await client.say("a");
    const [peer] = server.peers;
    peer?.send({ ...PING, id: 4711 }, { ...PING, id: 0 });
    await eventually(() => server.peers.some(({ frames }) => frames.length === 4));
    const pongs = peer ? framesOf(peer, FrameType.pong) : [];
    expect(pongs.map(({ id, flags, body }) => [id, flags, body])).toEqual([
      [4711, Flag.optional, ""],
      [0, Flag.optional, ""],
    ]);
  });

  test("keeps making calls during a flood of PINGs, and answers each PING", async () => {
    const count = 20_000;
    using server = startQuietServer(() => undefined);
    using client = startClient(server.port);
    await client.say("a");
    const [peer] = server.peers;
    let left = Buffer.concat(Array.from({ length: count }, (_, id) => encode({ ...PING, id })));
    // As fast as the socket takes them.
    while (left.length > 0) {
      left = left.subarray(Math.max(0, peer?.socket?.write(left) ?? 0));
      expect(await client.say("b")).toBe("b");
    }
    await eventually(() => peer?.frames.some(({ id }) => id === count - 1) ?? false);
    expect(peer ? framesOf(peer, FrameType.pong) : []).toHaveLength(count);
    expect(server.peers).toHaveLength(1);
  });
});

describe.concurrent("a server", () => {
  const limits = { ...WATCHFUL, handshakeTimeoutMs: LONG_MS };

  test("closes a client that has fallen silent, and aborts its handlers", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler, { limits });
    using idle = await RawPeer.greet(server.port);
    using waiting = await RawPeer.greet(server.port);
    using stuck = await RawPeer.greet(server.port);
    const request = { type: FrameType.request, method: SAY.number, id: 5, timeoutMs: LONG_MS };
    waiting.send({ ...request, body: '{"text":"a"}' });
    stuck.write(encode({ ...request, body: '{"text":"b"}' }).subarray(0, 20));
    await Promise.all([idle, waiting, stuck].map(({ closed }) => closed.promise));
    await eventually(() => server.listener.connections === 0 && gate.aborted.length > 0);
    expect(gate.aborted).toEqual(["a"]);
    for (const peer of [idle, waiting, stuck]) {
      expect(framesOf(peer, FrameType.ping)).not.toEqual([]);
    }
  });

  test("keeps a client that answers its PINGs", async () => {
    await using server = startServer(async (request) => request, { limits });
    using peer = await RawPeer.greet(server.port);
    peer.onFrame = (frame) => {
      if (frame.type === FrameType.ping) pong(frame, peer);
    };
    await Bun.sleep(SILENCE_MS);
    expect(peer.isClosed).toBeFalse();
    expect(framesOf(peer, FrameType.ping).length).toBeGreaterThan(1);
    expect(server.listener.connections).toBe(1);
  });

  test("answers PING with a PONG of the same id", async () => {
    await using server = startServer(async (request) => request);
    using peer = await RawPeer.greet(server.port);
    peer.send({ ...PING, id: 4711 });
    expect(await peer.frame(FrameType.pong)).toMatchObject({ id: 4711, flags: Flag.optional });
  });

  test("cuts off a client that floods it with PINGs and does not read", async () => {
    await using server = startServer(async (request) => request, {
      limits: { maxOutgoingBytes: 100_000 },
    });
    using peer = await RawPeer.greet(server.port);
    peer.socket?.pause();
    const flood = Buffer.concat(Array.from({ length: 50_000 }, () => encode(PING)));
    while (server.listener.connections > 0) {
      peer.write(flood);
      await Bun.sleep(1);
    }
    expect(server.logged.join()).toContain("does not read");
  });

  test("and an idle client keep their connection open", async () => {
    await using server = startServer(async (request) => request, { limits });
    using tap = startTap(server.port);
    using client = startClient(tap.port, CLIENT);
    await client.say("a");
    await Bun.sleep(SILENCE_MS);
    expect(await client.say("b")).toBe("b");
    const count = (type: number) => tap.frames.filter((frame) => typeOf(frame) === type).length;
    expect(count(FrameType.hello)).toBe(2); // One from each side: one connection.
    expect(count(FrameType.pong)).toBeGreaterThan(2);
    expect(server.logged).toEqual([]);
  });
});

test("a client cuts off a server that floods it with PINGs and does not read", async () => {
  using server = startQuietServer(() => undefined);
  using client = startClient(server.port, { maxOutgoingBytes: 100_000, minIdle: 1 });
  await client.say("a");
  const [peer] = server.peers;
  peer?.socket?.pause();
  const flood = Buffer.concat(Array.from({ length: 50_000 }, () => encode(PING)));
  const call = failure(client.say("b", LONG_MS));
  let isOver = false;
  void call.then(() => {
    isOver = true;
  });
  while (!isOver) {
    peer?.write(flood);
    await Bun.sleep(1);
  }
  expect(await call).toMatchObject({ status: "unavailable", processed: true });
  expect(String(await call)).toContain("does not read");
  expect(await client.say("c")).toBe("c");
});

// The kernel decides how much it takes for a server that does not read. With one of these floods,
// more than half and less than all of maxOutgoingBytes waits.
test.each([5, 6.5, 8, 9.5])(
  "a connection works again after a flood of %d MB of PINGs whose PONGs still wait",
  async (megabytes) => {
    const ping = encode(PING);
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
    const answerAfterFlood = async (frame: Frame, peer: RawPeer) => {
      peer.socket?.pause();
      let sent = 0;
      while ((sent < megabytes * 1_000_000 || sent % ping.length > 0) && !peer.isClosed) {
        sent += Math.max(0, peer.socket?.write(flood.subarray(sent % ping.length)) ?? 0);
        await Bun.sleep(1);
      }
      await Bun.sleep(20);
      answersWell(frame, peer);
      await Bun.sleep(20);
      peer.socket?.resume();
    };
    let requests = 0;
    using server = startFakeAnswerer((frame, peer) => {
      if (++requests === 1) void answerAfterFlood(frame, peer);
      else answersWell(frame, peer);
    });
    const limits = { maxInFlight: 1, maxConnections: 1, maxOutgoingBytes: 4_000_000 };
    using client = startClient(server.port, limits);
    // If more than maxOutgoingBytes waits, the connection is closed and this call is lost.
    await Promise.allSettled([client.say("a", LONG_MS)]);
    expect(await client.say("b", 5000)).toBe("b");
  },
);
