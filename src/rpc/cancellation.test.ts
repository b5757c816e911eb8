import { describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { getEventListeners } from "node:events";
import { DomainError } from "./error.ts";
import type { CallContext } from "./method.ts";
import { type Fault, resets, stalls, startFaultyServer } from "./testing/faults.ts";
import { Gate } from "./testing/gate.ts";
import { Ledger } from "./testing/ledger.ts";
import { RawPeer, startFakeServer } from "./testing/raw-peer.ts";
import {
  deadPort,
  eventually,
  failure,
  SAY,
  startClient,
  startServer,
  type TestClient,
  type TestServer,
  type Text,
} from "./testing/stack.ts";
import { Flag, FrameType } from "./wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const SINGLE = { maxConnections: 1, maxInFlight: 1 };
const READ = { ...SAY, idempotent: true };

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

function say({ balancer }: TestClient, text: string, signal: AbortSignal): Promise<Text> {
  return balancer.call(SAY, { text }, { timeoutMs: LONG_MS, signal });
}

/** Sent by a raw peer, since the server counts from the arrival: a client adds its own delay. */
function asking(timeoutMs: number) {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id: 1, timeoutMs, body: '{"text":"a"}' };
}

describe.concurrent("the handler's signal", () => {
  const cancel = { type: FrameType.cancel, flags: Flag.optional, id: 1 };

  test.each<[string, number, (peer: RawPeer, server: TestServer) => void]>([
    ["at the deadline", 500, () => undefined],
    ["by CANCEL", LONG_MS, (peer) => peer.send(cancel)],
    ["when the connection is lost", LONG_MS, (peer) => peer.socket?.terminate()],
    ["when the peer hangs up", LONG_MS, (peer) => peer.socket?.end()],
    ["when the peer breaks the protocol", LONG_MS, (peer) => peer.send({ type: 99 })],
    ["at the end of the grace", LONG_MS, (_, server) => void server.listener.close(20)],
  ])("fires %s", async (_, timeoutMs, act) => {
    const seen = Promise.withResolvers<CallContext>();
    const fired: Event[] = [];
    await using server = startServer((_request, context) => {
      context.signal.addEventListener("abort", (event) => fired.push(event));
      seen.resolve(context);
      return new Promise(() => undefined);
    });
    using peer = await RawPeer.greet(server.port);
    peer.send(asking(timeoutMs));
    const context = await seen.promise;
    expect(context.signal.aborted).toBeFalse();
    expect(context.remainingMs()).toBeGreaterThan(0);
    expect(context.remainingMs()).toBeLessThanOrEqual(timeoutMs);
    act(peer, server);
    await eventually(() => fired.length > 0);
    expect(context.signal.aborted).toBeTrue();
    await Bun.sleep(20);
    expect(fired).toHaveLength(1);
  });

  test("does not fire for a call that is answered in time", async () => {
    const signals: AbortSignal[] = [];
    await using server = startServer(async (request, { signal }) => {
      signals.push(signal);
      return request;
    });
    using peer = await RawPeer.greet(server.port);
    peer.send(asking(300));
    await peer.frame(FrameType.response, 1);
    await Bun.sleep(350);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  test("is already aborted if a handler reads it after its caller has given up", async () => {
    const seen = Promise.withResolvers<CallContext>();
    await using server = startServer((_, context) => {
      seen.resolve(context);
      return new Promise(() => undefined);
    });
    using peer = await RawPeer.greet(server.port);
    peer.send(asking(40));
    await peer.frame(FrameType.error, 1);
    const context = await seen.promise;
    await eventually(() => context.remainingMs() === 0);
    await eventually(() => context.signal.aborted);
  });

  test("comes with the remaining time, which falls to 0", async () => {
    const left: number[] = [];
    const over = Promise.withResolvers<void>();
    await using server = startServer(async (request, context) => {
      while (context.remainingMs() > 0) {
        left.push(context.remainingMs());
        await Bun.sleep(20);
      }
      over.resolve();
      return request;
    });
    using peer = await RawPeer.greet(server.port);
    peer.send(asking(200));
    await over.promise;
    expect(left.length).toBeGreaterThan(0);
    expect(left[0]).toBeLessThanOrEqual(200);
    expect(left).toEqual(left.toSorted((one, other) => other - one));
    expect(new Set(left).size).toBe(left.length);
  });
});

describe.concurrent("a caller's signal", () => {
  test("of signalOf is read late, and only if the call has no answer by then", async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    await using server = startServer(async (request) => {
      if (request.text !== "quick") await held;
      return request;
    });
    using client = startClient(server.port);
    const asked: string[] = [];
    const call = (text: string, given: AbortSignal) => {
      const holder = {
        get signal() {
          asked.push(text);
          return given;
        },
      };
      return client.balancer.call(SAY, { text }, { signalOf: holder });
    };
    const gone = AbortSignal.abort();
    const controller = new AbortController();
    const begunAt = performance.now();
    expect(await call("quick", controller.signal)).toEqual({ text: "quick" });
    // On a busy machine, no call may be quick.
    const isQuick = performance.now() - begunAt < 50;
    expect(await failure(call("gone", gone))).toMatchObject({ status: "cancelled" });
    const late = failure(call("late", controller.signal));
    await eventually(() => asked.includes("late"));
    controller.abort();
    expect(await late).toMatchObject({ status: "cancelled", processed: true });
    expect(asked.filter((text) => isQuick || text !== "quick")).toEqual(["gone", "late"]);
    letGo();
  });

  test("also ends a call that has signalOf, and keeps no listener of it", async () => {
    await using server = startServer(() => new Promise(() => undefined));
    using client = startClient(server.port);
    for (const ending of [0, 1]) {
      const both = [new AbortController(), new AbortController()] as const;
      const [{ signal }, late] = both;
      const listened = spyOn(late.signal, "addEventListener");
      const released = both.map((each) => spyOn(each.signal, "removeEventListener"));
      const call = failure(client.balancer.call(SAY, { text: "a" }, { signal, signalOf: late }));
      await eventually(() => listened.mock.calls.length > 0);
      both[ending]?.abort();
      expect(await call).toMatchObject({ status: "cancelled", processed: true });
      for (const spy of released) expect(spy).toHaveBeenCalledTimes(1);
    }
  });

  test("ends a call in flight, and aborts its handler", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler);
    const ledger = new Ledger();
    using client = startClient(server.port, {}, {}, [ledger.interceptor]);
    const controller = new AbortController();
    const call = failure(say(client, "a", controller.signal));
    await gate.hasStarted("a");
    controller.abort();
    expect(await call).toMatchObject({ status: "cancelled", processed: true });
    await eventually(() => gate.aborted.length > 0);
    expect(gate.aborted).toEqual(["a"]);
    expect(ledger.outcomes).toEqual({ cancelled: 1 });
  });

  test("ends a call that waits for a connection: it is never sent, but the next one is", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler);
    using client = startClient(server.port, SINGLE);
    const hog = client.say("hog");
    await gate.hasStarted("hog");
    const controller = new AbortController();
    const waiting = failure(say(client, "waiting", controller.signal));
    const next = client.say("next");
    controller.abort();
    expect(await waiting).toMatchObject({ status: "cancelled", processed: false });
    await gate.letGo("hog", "next");
    expect(await Promise.all([hog, next])).toEqual(["hog", "next"]);
    expect(gate.started).toEqual(["hog", "next"]);
  });

  test("ends a call at once while its connection opens", async () => {
    using server = startFakeServer(() => undefined);
    const patience = { connectTimeoutMs: LONG_MS, handshakeTimeoutMs: LONG_MS };
    using client = startClient(server.port, patience);
    const controller = new AbortController();
    const call = failure(say(client, "a", controller.signal));
    await eventually(() => server.peers.length > 0);
    controller.abort();
    expect(await call).toMatchObject({ status: "cancelled", processed: false });
  });

  test("ends a call during its retry, and aborts the handler there", async () => {
    const gate = new Gate();
    await using server = startServer(gate.handler);
    using faulty = startFaultyServer(resets);
    using client = startClient([faulty.port, server.port]);
    for (let round = 0; round < 100 && faulty.requests.length === 0; round++) {
      const text = `call ${round}`;
      const controller = new AbortController();
      const { signal } = controller;
      const call = failure(client.balancer.call(READ, { text }, { timeoutMs: LONG_MS, signal }));
      await gate.hasStarted(text);
      controller.abort();
      expect(await call).toMatchObject({ status: "cancelled", processed: true });
      await eventually(() => gate.aborted.includes(text));
      expect(listeners(signal)).toBe(0);
    }
    expect(faulty.requests).toHaveLength(1); // It was retried.
  });

  test("that is aborted before the call keeps it from being sent", async () => {
    using server = startFaultyServer();
    const ledger = new Ledger();
    using client = startClient(server.port, { minIdle: 1 }, {}, [ledger.interceptor]);
    await client.say("connected");
    const error = await failure(say(client, "never", AbortSignal.abort()));
    expect(error).toMatchObject({ status: "cancelled", processed: false });
    await client.say("next");
    const types = server.peers.flatMap(({ frames }) => frames.map(({ type }) => type));
    expect(types).toEqual([FrameType.hello, FrameType.request, FrameType.request]);
    expect(ledger.outcomes).toEqual({ done: 2, cancelled: 1 });
    expect(ledger.endedAgain).toEqual([]);
  });

  test.each<[string, boolean, (port: number) => number[]]>([
    ["the client is closed", true, (port) => [port]],
    ["every server is dead", false, () => [deadPort(), deadPort()]],
    ["every server is dead and the client is closed", true, () => [deadPort(), deadPort()]],
  ])("that is aborted before the call ends it once if %s", async (_, isClosed, portsOf) => {
    using server = startFaultyServer(stalls);
    const ledger = new Ledger();
    using client = startClient(portsOf(server.port), {}, {}, [ledger.interceptor]);
    if (isClosed) client.balancer.close();
    const error = await failure(say(client, "never", AbortSignal.abort()));
    expect(error).toMatchObject({ status: "cancelled", processed: false });
    await Bun.sleep(50);
    expect(ledger.outcomes).toEqual({ cancelled: 1 });
    expect(ledger.endedAgain).toEqual([]);
    expect(server.requests).toEqual([]);
  });

  const refuses: Fault = ({ id }, peer) => {
    const body = '{"code":"unavailable","message":"no"}';
    peer.send({ type: FrameType.error, id, body });
  };

  test("keeps no listener after the call has ended in any way", async () => {
    await using server = startServer(async ({ text }) => {
      if (text === "declared") throw new DomainError("PasswordError");
      if (text === "broken") throw new Error("broken on purpose");
      if (text === "wrong") return JSON.parse('{"text":42}');
      return text === "hang" ? new Promise(() => undefined) : { text };
    });
    using faulty = startFaultyServer(refuses, resets);
    using client = startClient(server.port);
    using unlucky = startClient(faulty.port);
    using lost = startClient(deadPort());
    using closed = startClient(server.port);
    closed.balancer.close();
    const { signal } = new AbortController();
    const call = ({ balancer }: TestClient, text: string, method = SAY) =>
      balancer.call(method, { text }, { signal, timeoutMs: text === "hang" ? 50 : LONG_MS });
    const calls = [
      ...["fine", "declared", "broken", "wrong", "hang"].map((text) => call(client, text)),
      call(client, "reshaped", { ...SAY, hash: "another hash" }),
      call(unlucky, "refused"),
      call(lost, "lost"),
    ];
    expect(listeners(signal)).toBe(calls.length);
    calls.push(call(closed, "closed"));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await failure(call(unlucky, "reset"));
    expect(listeners(signal)).toBe(0);
  });
});
