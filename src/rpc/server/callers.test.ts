import { expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../error.ts";
import type { CallContext } from "../method.ts";
import { RawPeer } from "../testing/raw-peer.ts";
import { failure, HOST, SAY, startClient, startServer } from "../testing/stack.ts";
import { Flag, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const ADMIN_ONLY = { ...SAY, callers: ["admin"] };

test("a handler sees the caller, the address of its peer and the metadata of the request", async () => {
  const seen: Pick<CallContext, "caller" | "peer" | "metadata" | "requestId">[] = [];
  await using server = startServer(async (request, { caller, peer, metadata, requestId }) => {
    seen.push({ caller, peer, metadata, requestId });
    return request;
  });
  using peer = await RawPeer.greet(server.port);
  const metadata = '{"requestId":"r1","traceparent":"00-1","more":[1]}';
  const { request: type } = FrameType;
  peer.send({ type, method: 7, id: 1, timeoutMs: LONG_MS, metadata, body: '{"text":"a"}' });
  await peer.frame(FrameType.response, 1);
  expect(seen).toEqual([
    { caller: "http", peer: HOST, metadata: JSON.parse(metadata), requestId: "r1" },
  ]);
});

test("a handler still sees the address of a peer that has gone", async () => {
  const gone = Promise.withResolvers<string>();
  await using server = startServer(async (request, context) => {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    await Bun.sleep(20); // The socket is closed only after this event.
    gone.resolve(context.peer);
    return request;
  });
  using peer = await RawPeer.greet(server.port);
  const { request: type } = FrameType;
  peer.send({ type, method: 7, id: 1, timeoutMs: LONG_MS, body: '{"text":"a"}' });
  peer.socket?.end();
  expect(await gone.promise).toBe(HOST);
});

test("a method for other callers is refused before its request is read, and the server logs it", async () => {
  let ran = 0;
  const handler = async () => {
    ran++;
    return { text: "" };
  };
  await using server = startServer(handler, { method: ADMIN_ONLY });
  using peer = await RawPeer.greet(server.port);
  const { request: type } = FrameType;
  const metadata = '{"requestId":"r1"}';
  peer.send({ type, method: 7, id: 1, timeoutMs: LONG_MS, metadata, body: "no JSON" });
  const { flags, body } = await peer.frame(FrameType.error, 1);
  const message = 'The caller "http" may not call Test.say';
  expect(JSON.parse(body)).toEqual({ code: "permission_denied", message });
  expect(flags & Flag.processed).toBe(0);
  expect(ran).toBe(0);
  expect(server.logged.map((line) => JSON.parse(line))).toEqual([
    {
      level: "warn",
      message: "refused a call: its caller may not call the method",
      requestId: "r1",
      method: "Test.say",
      caller: "http",
      peer: HOST,
    },
  ]);
});

test("a method for several callers is answered to one of them", async () => {
  const method = { ...SAY, callers: ["admin", "http"] };
  await using server = startServer(async (request) => request, { method });
  using client = startClient(server.port);
  expect(await client.say("a")).toBe("a");
});

test.each(["rate_limited", "permission_denied"] as const)(
  "%s of a handler reaches the caller as it is, and is not tried at another server",
  async (status) => {
    let ran = 0;
    const handler = async () => {
      ran++;
      throw new RpcError(status, "not now", { processed: false, retryAfterMs: 90_000 });
    };
    await using one = startServer(handler);
    await using other = startServer(handler);
    using client = startClient([one.port, other.port]);
    const call = client.balancer.call({ ...SAY, idempotent: true }, { text: "a" });
    const error = { status, message: "not now", processed: false, retryAfterMs: 90_000 };
    expect(await failure(call)).toMatchObject(error);
    expect(ran).toBe(1);
    expect([...one.logged, ...other.logged]).toEqual([]);
    // The server has shed no load: the next call may go there.
    expect(await failure(client.say("b"))).toMatchObject(error);
  },
);
