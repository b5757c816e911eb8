import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../error.ts";
import { answersWell, startFaultyServer } from "../testing/faults.ts";
import { Gate } from "../testing/gate.ts";
import { type RawFrame, RawPeer } from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer } from "../testing/stack.ts";
import { Flag, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const HOUR_MS = 3_600_000;

const CANCEL = { type: FrameType.cancel, flags: Flag.optional, id: 1 };

function request(id: number, text: string, timeoutMs = LONG_MS): RawFrame {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id, timeoutMs, body: JSON.stringify({ text }) };
}

describe("maxServerInFlight", () => {
  test("counts the calls of all connections, and refuses further ones before they begin", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler, { limits: { maxServerInFlight: 3 } });
    using one = await RawPeer.greet(server.port);
    using other = await RawPeer.greet(server.port);
    one.send(request(1, "a"), request(2, "b"));
    other.send(request(1, "c"));
    await eventually(() => gate.started.length === 3);
    for (const [peer, id] of [
      [one, 3],
      [other, 2],
    ] as const) {
      peer.send(request(id, "one too many"));
      const { flags, body } = await peer.frame(FrameType.error, id);
      expect(flags & Flag.processed).toBe(0);
      const { code, retryAfterMs } = JSON.parse(body);
      expect(code).toBe("resource_exhausted");
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(HOUR_MS);
    }
    expect(gate.started.toSorted()).toEqual(["a", "b", "c"]);
    const { handlers, refused, connections } = server.listener.counts;
    expect([handlers, refused.calls.server_in_flight]).toEqual([3, 2]);
    expect(connections).toEqual({ open: 2, unproved: 0 });
    await gate.letGo("a");
    await one.frame(FrameType.response, 1);
    other.send(request(3, "d"));
    await gate.hasStarted("d");
  });

  test.each<[string, number, (peer: RawPeer, gate: Gate) => unknown]>([
    ["is answered", LONG_MS, (_, gate) => gate.letGo("a", "b")],
    ["fails", LONG_MS, (_, gate) => gate.fail("a", "b")],
    ["meets its deadline", 30, () => undefined],
    ["is cancelled", LONG_MS, (peer) => peer.send(CANCEL, { ...CANCEL, id: 2 })],
    ["loses its connection", LONG_MS, (peer) => peer.socket?.terminate()],
    ["is of a peer that breaks the protocol", LONG_MS, (peer) => peer.send({ type: 99 })],
  ])("has room again, exactly once, when a call %s", async (_, timeoutMs, act) => {
    const gate = new Gate();
    await using server = startServer(gate.handler, { limits: { maxServerInFlight: 2 } });
    using peer = await RawPeer.greet(server.port);
    peer.send(request(1, "a", timeoutMs), request(2, "b", timeoutMs));
    await eventually(() => gate.started.length === 2);
    await act(peer, gate);
    if (!gate.aborted.includes("a")) {
      await eventually(() => gate.aborted.length === 2 || peer.frames.length === 3);
    }
    await gate.letGo(...gate.started);
    using other = await RawPeer.greet(server.port);
    other.send(request(1, "c"), request(2, "d"), request(3, "e"));
    const { id, body } = await other.frame(FrameType.error);
    expect(id).toBe(3);
    expect(JSON.parse(body).code).toBe("resource_exhausted");
    expect(gate.started).toHaveLength(4);
  });

  test("does not count calls that were refused, or that did not reach their handler", async () => {
    await using server = startServer(async (message) => message, {
      limits: { maxServerInFlight: 1 },
    });
    using peer = await RawPeer.greet(server.port);
    for (let id = 1; id < 10; id += 3) {
      const wrong = { ...request(id, "a"), body: '{"text":42}' };
      peer.send(wrong, { ...wrong, id: id + 1, body: "{" }, { ...wrong, id: id + 2, method: 4711 });
    }
    peer.send(request(10, "b"));
    await peer.frame(FrameType.response, 10);
  });

  test("fails the call with resource_exhausted, not processed, and a retryAfterMs", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler, { limits: { maxServerInFlight: 1 } });
    using one = startClient(server.port);
    using other = startClient(server.port);
    const running = one.say("running", LONG_MS);
    await gate.hasStarted("running");
    const error = await failure(other.say("one too many", LONG_MS));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ status: "resource_exhausted", processed: false });
    expect(error).toHaveProperty("retryAfterMs", expect.any(Number));
    await gate.letGo("running");
    expect(await running).toBe("running");
  });

  test("of one server sends a call to another server that has room", async () => {
    const gate = new Gate();
    const limits = { maxServerInFlight: 1 };
    await using one = startServer(gate.handler, { limits });
    await using other = startServer(gate.handler, { limits });
    using first = startClient([one.port, other.port]);
    using second = startClient([one.port, other.port]);
    const calls = [first.say("a", LONG_MS)];
    await gate.hasStarted("a");
    // Only one server has room, whichever the client tries first.
    calls.push(second.say("b", LONG_MS));
    await gate.hasStarted("b");
    expect(await failure(second.say("c", 5000))).toMatchObject({ status: "resource_exhausted" });
    await gate.letGo("a", "b");
    expect(await Promise.all(calls)).toEqual(["a", "b"]);
  });
});

describe("maxServerConnections", () => {
  test("of one server sends a client to another", async () => {
    const limits = { maxServerConnections: 1 };
    await using full = startServer(async () => ({ text: "from the full one" }), { limits });
    await using other = startServer(async (message) => message);
    using _first = await RawPeer.greet(full.port);
    using client = startClient([full.port, other.port]);
    for (let n = 0; n < 20; n++) expect(await client.say("a", LONG_MS)).toBe("a");
    expect(full.listener.connections).toBe(1);
  });
});

/** Undefined, or a number from 0 to one hour. */
function expectSaneRetryAfter(error: unknown): void {
  if (!(error instanceof RpcError))
    throw new Error(`Cannot check an error that is not an RpcError: ${error}`);
  const { retryAfterMs } = error;
  if (retryAfterMs === undefined) return;
  expect(retryAfterMs).toBeGreaterThanOrEqual(0);
  expect(retryAfterMs).toBeLessThanOrEqual(HOUR_MS);
}

describe("a retryAfterMs of a peer", () => {
  const absurd = ["1e300", "1e999", "-5", "-1e999", "NaN", '"x"', "null", "{}", "[1]", "true"];

  test.each(["resource_exhausted", "unavailable", "internal", "deadline_exceeded"])(
    "that is absurd reaches the caller of a call that is %s as undefined or at most an hour",
    async (code) => {
      for (const value of [...absurd, "-0", "3600001", "2147483648"]) {
        using server = startFaultyServer(({ id }, peer) => {
          const body = `{"code":"${code}","message":"no","retryAfterMs":${value}}`;
          peer.send({ type: FrameType.error, id, body });
        });
        using client = startClient(server.port);
        const error = await failure(client.say("a", LONG_MS));
        expectSaneRetryAfter(error);
        server.script = [answersWell];
        expect(await client.say("b", LONG_MS)).toBe("b");
      }
    },
  );

  test.each([0, 1, 50.5, 1000, HOUR_MS])("of %p reaches its caller unchanged", async (value) => {
    await using server = startServer(async () => {
      throw new RpcError("resource_exhausted", "no", { processed: false, retryAfterMs: value });
    });
    using client = startClient(server.port);
    expect(await failure(client.say("a"))).toHaveProperty("retryAfterMs", value);
  });

  test.each([NaN, Infinity, -Infinity, -5, 1e300])(
    "of %p from a handler reaches its caller as undefined or at most an hour",
    async (value) => {
      await using server = startServer(async () => {
        throw new RpcError("resource_exhausted", "no", { processed: false, retryAfterMs: value });
      });
      using client = startClient(server.port);
      const error = await failure(client.say("a"));
      expect(error).toMatchObject({ status: "resource_exhausted", message: "no" });
      expectSaneRetryAfter(error);
    },
  );
});
