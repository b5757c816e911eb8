// A method has changed compatibly: which client can call which server.
import { expect, setDefaultTimeout, test } from "bun:test";
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { entry, type Method } from "../method.ts";
import { Listener } from "../server/listener.ts";
import { helloBody, startFakeServer } from "../testing/raw-peer.ts";
import { failure, HOST, recorder, SAY, startClient, startServer } from "../testing/stack.ts";
import { FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const Request = Type.Object({ text: Type.String(), isLoud: Type.Optional(Type.Boolean()) });
const Reply = Type.Object({ text: Type.String(), length: Type.Integer() });

/** SAY two changes later: its request has gained an optional field, its reply another. */
const SAY_NOW: Method<Static<typeof Request>, Static<typeof Reply>> = {
  ...SAY,
  hash: "the hash now",
  olderHashes: ["a hash between", SAY.hash],
  request: TypeCompiler.Compile(Request),
  reply: TypeCompiler.Compile(Reply),
};

function startServerNow(): AsyncDisposable & { readonly port: number } {
  const say = entry(SAY_NOW, async ({ text, isLoud = false }) => ({
    text: isLoud ? text.toUpperCase() : text,
    length: text.length,
  }));
  const listener = new Listener({ host: HOST, port: 0, tables: [[say]], log: recorder([]) });
  return { port: listener.port, [Symbol.asyncDispose]: () => listener.close(0) };
}

test("a server answers clients of every shape that it still serves", async () => {
  await using server = startServerNow();
  using client = startClient(server.port);
  expect(await client.say("oldest")).toBe("oldest");
  const between = { ...SAY, hash: "a hash between" };
  expect(await client.balancer.call(between, { text: "older" })).toMatchObject({ text: "older" });
  const loud = await client.balancer.call(SAY_NOW, { text: "newest", isLoud: true });
  expect(loud).toEqual({ text: "NEWEST", length: 6 });
});

test("a shape that the server no longer serves is refused by name, and is not sent", async () => {
  await using server = startServerNow();
  using client = startClient(server.port);
  const dropped = { ...SAY, hash: "a hash from before a breaking change" };
  const error = await failure(client.balancer.call(dropped, { text: "a" }));
  expect(error).toMatchObject({ status: "unimplemented", processed: false });
  expect(`${error}`).toContain("Test.say");
});

test("a client that is newer than one of its servers calls another server", async () => {
  await using older = startServer(async (request) => request);
  await using newer = startServerNow();
  using lonely = startClient(older.port);
  const error = await failure(lonely.balancer.call(SAY_NOW, { text: "a" }));
  expect(error).toMatchObject({ status: "unimplemented", processed: false });
  expect(`${error}`).toMatch(/Test\.say.*another shape/);
  using client = startClient([older.port, newer.port]);
  for (let n = 0; n < 20; n++) {
    const answer = await client.balancer.call(SAY_NOW, { text: `${n}` });
    expect(answer).toEqual({ text: `${n}`, length: `${n}`.length });
    expect(await client.say("either will do")).toBe("either will do");
  }
});

test.each<[string, unknown]>([
  ["not an object", ["a hash"]],
  ["not lists", { [SAY.number]: SAY.hash }],
  ["lists of other types", { [SAY.number]: [SAY.hash, 7] }],
])("older shapes that are %s are ignored", async (_, olderShapes) => {
  const methods = { [SAY.number]: "another hash" };
  using server = startFakeServer((frame, peer) => {
    const body = helloBody({ methods, olderShapes });
    if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body });
  });
  using client = startClient(server.port);
  expect(await failure(client.say("a"))).toMatchObject({ status: "unimplemented" });
});
