// A schema changes while old clients run. Real sockets show that compatible changes break no call.
import { expect, setDefaultTimeout, test } from "bun:test";
import { Listener } from "../src/rpc/server/listener.ts";
import { failure, HOST, recorder, startClient } from "../src/rpc/testing/stack.ts";
import { Checkout } from "./testing/checkout.ts";

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** A server with the emitted code of a checkout. */
async function startServer(of: Checkout, handler: (request: Words) => Promise<unknown>) {
  const { wordsDispatch } = await import(of.path("src/gen/words.ts"));
  const tables = [wordsDispatch({ count: handler, erase: handler, split: handler })];
  const listener = new Listener({ host: HOST, port: 0, tables, log: recorder([]) });
  return { port: listener.port, [Symbol.asyncDispose]: () => listener.close(0) };
}

interface Words {
  readonly text: string;
  readonly unit?: string;
}

/** A call by the emitted client of a checkout. */
async function count(of: Checkout, port: number, request: Words): Promise<unknown> {
  const { WordsClient } = await import(of.path("src/gen/words.ts"));
  using client = startClient(port);
  return await new WordsClient(client.balancer).count(request);
}

test("after a compatible change an old client calls a new server, and no new client an old server", async () => {
  await using before = await Checkout.withWords();
  await using after = await Checkout.copy(before);
  await after.edit(
    "schema/words.ts",
    "text: Type.String({ maxLength: 20 })",
    "text: Type.String({ maxLength: 40 }), unit: Type.Optional(Type.String())",
  );
  await after.edit("schema/words.ts", "Type.Integer()", "Type.Integer(), unit: Type.String()");
  expect((await after.codegen()).code).toBe(0);

  await using newServer = await startServer(after, async ({ text, unit = "word" }) => ({
    count: text.length,
    unit,
  }));
  expect(await count(before, newServer.port, { text: "four" })).toMatchObject({ count: 4 });
  const lines = { text: "two", unit: "line" };
  expect(await count(after, newServer.port, lines)).toEqual({ count: 3, unit: "line" });

  await using oldServer = await startServer(before, async ({ text }) => ({ count: text.length }));
  const error = await failure(count(after, oldServer.port, lines));
  expect(error).toMatchObject({ status: "unimplemented", processed: false });
  expect(`${error}`).toMatch(/Words\.count.*another shape/);
});

test("after an accepted break an old client is refused by name, and its call is not run", async () => {
  await using before = await Checkout.withWords();
  await using after = await Checkout.copy(before);
  await after.edit("schema/words.ts", "  count: {", "  erase: {");
  expect((await after.codegen()).output).toContain("(number-reused)");
  expect((await after.codegen("--accept-breaking")).code).toBe(0);
  const erased: string[] = [];
  await using server = await startServer(after, async ({ text }) => {
    erased.push(text);
    return { count: 0 };
  });
  const error = await failure(count(before, server.port, { text: "do not erase" }));
  expect(error).toMatchObject({ status: "unimplemented", processed: false });
  expect(`${error}`).toContain("Words.count");
  expect(erased).toEqual([]);
});
