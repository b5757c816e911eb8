import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { getEventListeners } from "node:events";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { RpcError, type RpcStatus } from "../error.ts";
import type { ServerLimits } from "../limits.ts";
import type { CallOptions, Method } from "../method.ts";
import { answersWell, type Fault, startFaultyServer } from "../testing/faults.ts";
import { Gate } from "../testing/gate.ts";
import { Ledger } from "../testing/ledger.ts";
import {
  type FakeServer,
  helloBody,
  type RawFrame,
  RawPeer,
  startFakeServer,
} from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer, type Text } from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";
import { Flag, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const READ = { ...SAY, idempotent: true };

function refuses(code: RpcStatus, retryAfterMs?: number, flags = 0): Fault {
  const body = JSON.stringify({ code, message: "refused on purpose", retryAfterMs });
  return ({ id }, peer) => peer.send({ type: FrameType.error, flags, id, body });
}

describe("if another server is lost", () => {
  test.each<[string, (peer: RawPeer) => void]>([
    ["resets every connection", (peer) => peer.socket?.terminate()],
    ["accepts connections and is silent", () => undefined],
  ])("because it %s, the refusal of one that sheds load ends a call at once", async (_, onOpen) => {
    using lost = startFakeServer(() => undefined);
    lost.onOpen = onOpen;
    using shedding = startFaultyServer(refuses("resource_exhausted", 7000));
    using client = startClient([lost.port, shedding.port], { connectTimeoutMs: 200 });
    await eventually(() => lost.peers.length > 1); // The client knows that it is lost.
    using stopwatch = new Stopwatch();
    for (const method of Array.from({ length: 10 }, () => [SAY, READ]).flat()) {
      const call = client.balancer.call(method, { text: "a" }, { timeoutMs: LONG_MS });
      expect(await failure(call)).toMatchObject({
        status: "resource_exhausted",
        processed: false,
        retryAfterMs: 7000,
      });
    }
    expect(stopwatch.ms).toBeLessThan(1000);
    expect(shedding.requests).toHaveLength(20);
  });
});

describe("unavailable", () => {
  test.each([
    ["read", READ, 0],
    ["read that may have begun", READ, Flag.processed],
    ["write", SAY, 0],
  ])("from the only server ends a %s without a retry", async (...row) => {
    const [, method, flags] = row;
    using server = startFaultyServer(refuses("unavailable", 3000, flags), answersWell);
    using client = startClient(server.port);
    const call = client.balancer.call(method, { text: "a" }, { timeoutMs: LONG_MS });
    const processed = flags !== 0;
    const error = { status: "unavailable", processed, retryAfterMs: 3000 };
    expect(await failure(call)).toMatchObject(error);
    expect(server.requests).toHaveLength(1);
  });

  test.each<RpcStatus>(["unavailable", "unimplemented", "internal"])(
    "of a call that a handler makes is not passed on, like other statuses: %s",
    async (status) => {
      let ran = 0;
      const handler = async () => {
        ran++;
        throw new RpcError(status, "the server behind", { processed: false, retryAfterMs: 1 });
      };
      await using one = startServer(handler);
      await using other = startServer(handler);
      using client = startClient([one.port, other.port]);
      const error = await failure(client.say("write", LONG_MS));
      expect(error).toMatchObject({ status: "internal", processed: true });
      expect(`${error}`).not.toContain("behind");
      expect(ran).toBe(1);
      expect([...one.logged, ...other.logged].join()).toContain("the server behind");
    },
  );
});

describe("a server's interceptor sees a call that is refused", () => {
  const request = (id: number): RawFrame => {
    const { request: type } = FrameType;
    return { type, method: SAY.number, id, timeoutMs: LONG_MS, body: `{"text":"${id}"}` };
  };

  test.each<[string, Partial<ServerLimits>, RpcStatus]>([
    ["over maxInFlight", { maxInFlight: 1 }, "resource_exhausted"],
    ["over maxServerInFlight", { maxServerInFlight: 1 }, "resource_exhausted"],
    ["while draining", {}, "unavailable"],
  ])("%s, once and with its status", async (_, limits, status) => {
    const gate = new Gate();
    const ledger = new Ledger();
    const interceptors = [ledger.interceptor];
    await using server = startServer(gate.handler, { limits, interceptors });
    using peer = await RawPeer.greet(server.port);
    peer.send(request(1));
    await gate.hasStarted("1");
    if (status === "unavailable") {
      void server.listener.close(LONG_MS);
      await peer.frame(FrameType.goaway);
    }
    peer.send(request(2));
    await peer.frame(FrameType.error, 2);
    expect(ledger).toMatchObject({ begun: 2, outcomes: { [status]: 1 } });
    await gate.letGo("1");
    await peer.frame(FrameType.response, 1);
    expect(ledger).toMatchObject({ begun: 2, ended: 2, outcomes: { [status]: 1, done: 1 } });
    expect(ledger.endedAgain).toEqual([]);
    expect(gate.started).toEqual(["1"]);
  });
});

/** A server that lists these methods, and answers every request with `unimplemented`. */
function startOtherBuild(methods: Record<string, string>): FakeServer {
  return startFakeServer((frame, peer) => {
    const { hello, request } = FrameType;
    if (frame.type === hello) peer.send({ type: hello, body: helloBody({ methods }) });
    if (frame.type === request) refuses("unimplemented")(frame, peer);
  });
}

const requestsOf = ({ peers }: FakeServer) =>
  peers.flatMap(({ frames }) => frames.filter(({ type }) => type === FrameType.request));

describe.each<[string, Record<string, string>, readonly string[]]>([
  ["lacks", {}, [SAY.name, "lacks it"]],
  ["has another shape of", { [SAY.number]: "another hash" }, [SAY.name, "another shape"]],
  ["lists in HELLO and then refuses", { [SAY.number]: SAY.hash }, ["refused on purpose"]],
])("a method that one server %s", (_, methods, words) => {
  test("is answered by another server", async () => {
    using without = startOtherBuild(methods);
    using having = startFaultyServer();
    using client = startClient([without.port, having.port]);
    for (let n = 0; n < 20; n++) expect(await client.say(`${n}`)).toBe(`${n}`);
    expect(having.requests).toHaveLength(20);
    // If HELLO shows it, the client sends no request.
    if (methods[SAY.number] !== SAY.hash) expect(requestsOf(without)).toEqual([]);
  });

  test("is unimplemented if no other server has it", async () => {
    using one = startOtherBuild(methods);
    using other = startOtherBuild(methods);
    using client = startClient([one.port, other.port]);
    const error = await failure(client.say("a", LONG_MS));
    expect(error).toMatchObject({ name: "RpcError", status: "unimplemented", processed: false });
    for (const word of words) expect(`${error}`).toContain(word);
  });
});

const ANYTHING: Method<unknown, Text> = { ...SAY, request: TypeCompiler.Compile(Type.Unknown()) };

test.each<[string, unknown, CallOptions]>([
  ["without a request", undefined, {}],
  ["with a request that JSON does not know", () => "a", {}],
  ["with a timeout of NaN", { text: "a" }, { timeoutMs: NaN }],
  ["with a timeout of Infinity", { text: "a" }, { timeoutMs: Infinity }],
  ["with a timeout of -Infinity", { text: "a" }, { timeoutMs: -Infinity }],
])(
  "a call %s throws a TypeError at once, and leaves nothing behind",
  async (_, request, options) => {
    const ledger = new Ledger();
    using server = startFaultyServer(answersWell);
    using client = startClient(server.port, {}, {}, [ledger.interceptor]);
    const { signal } = new AbortController();
    const error = await failure(client.balancer.call(ANYTHING, request, { ...options, signal }));
    expect(error).toBeInstanceOf(TypeError);
    expect(`${error}`).toContain(`Cannot call ${SAY.name}`);
    expect(ledger.begun).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await client.say("next")).toBe("next");
    expect(server.requests).toHaveLength(1);
  },
);
