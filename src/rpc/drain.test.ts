import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { answersWell, startFaultyServer } from "./testing/faults.ts";
import { Gate } from "./testing/gate.ts";
import { Ledger } from "./testing/ledger.ts";
import { type RawFrame, RawPeer } from "./testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer } from "./testing/stack.ts";
import { Flag, type Frame, FrameType } from "./wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const GRACE_MS = 40_000;

function request(id: number, text: string): RawFrame {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id, timeoutMs: LONG_MS, body: JSON.stringify({ text }) };
}

const PING = { type: FrameType.ping, flags: Flag.optional };
const goAway = (body: string) => ({ type: FrameType.goaway, flags: Flag.optional, body });
const textOf = ({ body }: Frame): string => JSON.parse(body).text;

describe("a server that drains", () => {
  test("sends GOAWAY once, with the last id that has arrived", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler);
    using busy = await RawPeer.greet(server.port);
    using idle = await RawPeer.greet(server.port);
    busy.send(request(7, "a"), request(41, "b"), request(8, "c"));
    await eventually(() => gate.started.length === 3);
    const closing = [server.listener.close(GRACE_MS), server.listener.close(0)];
    for (const [peer, lastId] of [
      [busy, 41],
      [idle, 0],
    ] as const) {
      const { id, flags, body } = await peer.frame(FrameType.goaway);
      expect([id, flags]).toEqual([0, Flag.optional]);
      expect(JSON.parse(body)).toEqual({ lastId, reason: expect.any(String) });
    }
    await gate.letGo("a", "b", "c");
    await Promise.all(closing);
    expect(busy.frames.filter(({ type }) => type === FrameType.goaway)).toHaveLength(1);
    for (const id of [7, 41, 8]) await busy.frame(FrameType.response, id);
  });

  test("refuses new calls of a peer that ignores GOAWAY, and finishes its earlier ones", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler);
    using peer = await RawPeer.greet(server.port);
    peer.send(request(1, "before"));
    await gate.hasStarted("before");
    const closing = server.listener.close(GRACE_MS);
    await peer.frame(FrameType.goaway);
    for (const id of [2, 3]) {
      peer.send(request(id, "after"));
      const { flags, body } = await peer.frame(FrameType.error, id);
      expect(flags & Flag.processed).toBe(0);
      expect(JSON.parse(body)).toMatchObject({ code: "unavailable" });
    }
    expect(peer.isClosed).toBeFalse();
    await gate.letGo("before");
    expect(textOf(await peer.frame(FrameType.response, 1))).toBe("before");
    await peer.closed.promise;
    await closing;
    expect(gate.started).toEqual(["before"]);
  });

  test("finishes the calls of its clients, which send new ones to another server", async () => {
    const gate = new Gate();
    await using draining = startServer(gate.handler);
    await using other = startServer(async ({ text }) => ({ text: `${text}, elsewhere` }));
    using client = startClient([draining.port, other.port]);
    // At the same time, so that half of them go to each server.
    const calls = Array.from({ length: 6 }, (_, n) => client.say(`call ${n}`, LONG_MS));
    await eventually(() => gate.started.length === 3);
    const closing = draining.listener.close(GRACE_MS);
    await Bun.sleep(20); // GOAWAY has arrived.
    const started = [...gate.started];
    for (let n = 0; n < 30; n++) expect(await client.say("new")).toBe("new, elsewhere");
    expect(gate.started).toEqual(started);
    expect(gate.aborted).toEqual([]);
    await gate.letGo(...started);
    await closing; // The clients close their connections long before the grace is over.
    const answers = await Promise.all(calls);
    expect(answers.filter((text) => !text.endsWith("elsewhere"))).toEqual(started);
  });

  test("and restarts again and again loses no call under constant load", async () => {
    const handler = async (message: { text: string }) => {
      await Bun.sleep(Number(message.text) % 10);
      return message;
    };
    await using _steady = startServer(handler);
    let rolling = startServer(handler);
    const { port } = rolling;
    const ledger = new Ledger();
    const backoff = { minBackoffMs: 20, maxBackoffMs: 40 };
    using client = startClient([port, _steady.port], backoff, {}, [ledger.interceptor]);
    let isOver = false;
    const workers = Array.from({ length: 8 }, async (_, worker) => {
      for (let n = worker; !isOver; n++) expect(await client.say(String(n))).toBe(String(n));
    });
    for (let round = 0; round < 5; round++) {
      await eventually(() => rolling.listener.connections > 0);
      await Bun.sleep(30);
      await rolling.listener.close(GRACE_MS);
      rolling = startServer(handler, { port });
    }
    isOver = true;
    await Promise.all(workers);
    await rolling.listener.close(0);
    // Writes, which are never retried if they may have begun.
    expect(ledger.outcomes).toEqual({ done: ledger.begun });
    expect(ledger.endedAgain).toEqual([]);
  });

  test("does not wait for a peer that has not sent HELLO, or without any peer", async () => {
    const limits = { handshakeTimeoutMs: LONG_MS };
    await using server = startServer(async (message) => message, { limits });
    using _ungreeted = await RawPeer.connect(server.port);
    await eventually(() => server.listener.connections === 1);
    await server.listener.close(GRACE_MS);
    expect(server.listener.connections).toBe(0);
    await using empty = startServer(async (message) => message);
    await empty.listener.close(GRACE_MS);
  });
});

test("a server that drains sends GOAWAY to a peer that has not proved the token", async () => {
  const limits = { handshakeTimeoutMs: LONG_MS };
  await using server = startServer(async (message) => message, { limits, token: "a token" });
  using peer = await RawPeer.greet(server.port);
  const closing = server.listener.close(GRACE_MS);
  const { body } = await peer.frame(FrameType.goaway);
  expect(JSON.parse(body)).toMatchObject({ lastId: 0 });
  await closing;
  expect(peer.frames.map(({ type }) => type)).toEqual([FrameType.hello, FrameType.goaway]);
});

describe.concurrent("a client that receives GOAWAY", () => {
  test.each<[string, (request: Frame) => string]>([
    ["names its last call", ({ id }) => JSON.stringify({ lastId: id, reason: "on purpose" })],
    ["names none", () => "{}"],
    ["is not even JSON", () => "hm"],
  ])("that %s waits for its calls in flight, and opens another connection", async (_, bodyOf) => {
    const held: [Frame, RawPeer][] = [];
    using server = startFaultyServer((frame, peer) => {
      if (textOf(frame) === "new") return answersWell(frame, peer);
      held.push([frame, peer]);
      if (held.length === 2) peer.send(goAway(bodyOf(frame)), PING);
    });
    using client = startClient(server.port);
    const calls = ["a", "b"].map((text) => client.say(text, LONG_MS));
    await eventually(() => held.length === 2);
    await server.peers[0]?.frame(FrameType.pong); // GOAWAY has been read.
    expect(await client.say("new", LONG_MS)).toBe("new");
    const [old, fresh] = server.peers;
    expect(server.peers).toHaveLength(2);
    expect(fresh?.frames.map(({ type }) => type)).toContain(FrameType.request);
    expect(old?.isClosed).toBeFalse();
    for (const [frame, peer] of held) answersWell(frame, peer);
    expect(await Promise.all(calls)).toEqual(["a", "b"]);
    await eventually(() => old?.isClosed === true);
    expect(fresh?.isClosed).toBeFalse();
  });

  test("sends calls past its last id to another server, even writes", async () => {
    const seen: string[] = [];
    using server = startFaultyServer((frame, peer) => {
      seen.push(textOf(frame));
      if (server.peers.indexOf(peer) > 0) return answersWell(frame, peer);
      if (seen.length < 4) return;
      const [first] = server.requests;
      peer.send(goAway(JSON.stringify({ lastId: first?.id, reason: "on purpose" })));
      if (first) answersWell(first, peer);
      // This late answer must be ignored.
      const body = '{"text":"too late"}';
      for (const { id } of server.requests.slice(1, 4)) {
        peer.send({ type: FrameType.response, id, body });
      }
    });
    using client = startClient(server.port);
    const texts = ["a", "b", "c", "d"];
    expect(await Promise.all(texts.map((text) => client.say(text, LONG_MS)))).toEqual(texts);
    expect(seen.toSorted()).toEqual(["a", "b", "b", "c", "c", "d", "d"]);
  });

  test("on several connections, one after the other, loses no write", async () => {
    using server = startFaultyServer((frame, peer) => {
      if (server.peers.indexOf(peer) >= 3) return answersWell(frame, peer);
      peer.send(goAway(JSON.stringify({ lastId: frame.id - 1, reason: "on purpose" })));
    });
    using client = startClient(server.port, { minIdle: 0 });
    expect(await client.say("a", LONG_MS)).toBe("a");
    expect(server.requests.map(textOf)).toEqual(["a", "a", "a", "a"]);
  });

  test("moves calls that wait for a connection to the next one", async () => {
    using server = startFaultyServer((frame, peer) => {
      if (server.requests.length === 1) peer.send(goAway(JSON.stringify({ lastId: frame.id })));
      setTimeout(() => answersWell(frame, peer), 20);
    });
    using client = startClient(server.port, { maxConnections: 1, maxInFlight: 1, minIdle: 0 });
    const texts = ["a", "b", "c"];
    expect(await Promise.all(texts.map((text) => client.say(text, LONG_MS)))).toEqual(texts);
    expect(server.requests.map(textOf)).toEqual(texts);
    expect(server.peers).toHaveLength(2);
  });

  test("on an idle connection closes it", async () => {
    using server = startFaultyServer();
    using client = startClient(server.port);
    await client.say("a");
    const [peer] = server.peers;
    peer?.send(goAway('{"lastId":0,"reason":"on purpose"}'));
    await peer?.closed.promise;
    expect(await client.say("b")).toBe("b");
  });

  test("and has no other server fails the call as not processed", async () => {
    using server = startFaultyServer(({ id }, peer) => {
      server.onOpen = (next) => next.socket?.terminate();
      peer.send(goAway(JSON.stringify({ lastId: id - 1, reason: "for good" })));
    });
    using client = startClient(server.port);
    const error = await failure(client.say("a", LONG_MS));
    expect(error).toMatchObject({ status: "unavailable", processed: false });
  });
});
