import { expect, setDefaultTimeout, test } from "bun:test";
import { rm } from "node:fs/promises";
import { Type } from "@sinclair/typebox";
import { LOCK_PATH, lockOf, parseLock } from "./lock.ts";
import { SchemaError } from "./model.ts";
import { Checkout } from "./testing/checkout.ts";
import { words, wordsLock } from "./testing/words.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SCHEMA = "schema/words.ts";
const COUNT = "count: Type.Integer()";

test("a lock has every method by its number, and messages that name each other", () => {
  const Word = Type.Object({ text: Type.String({ description: "Lower case." }) });
  const reply = Type.Object({ words: Type.Array(Word), first: Type.Optional(Type.String()) });
  const lock = wordsLock({ split: { number: 12, reply, errors: ["PasswordError"] } }, { Word });
  expect(lock).toEqual({
    methods: {
      "12": {
        name: "Words.split",
        idempotent: false,
        errors: ["PasswordError"],
        request: "Words.splitRequest",
        reply: "Words.splitReply",
        hashes: [expect.stringMatching(/^[0-9a-f]{16}$/)],
      },
    },
    messages: {
      "Words.Word": {
        type: "object",
        properties: { text: { type: "string" } },
        required: ["text"],
      },
      "Words.splitReply": {
        type: "object",
        properties: {
          words: { type: "array", items: { $ref: "Words.Word" } },
          first: { type: "string" },
        },
        required: ["words"],
      },
      "Words.splitRequest": {
        type: "object",
        properties: { text: { type: "string" } },
        required: ["text"],
      },
    },
    endpoints: {},
    errors: expect.objectContaining({ PasswordError: { code: "5", status: 401 } }),
    retired: {},
  });
});

test("a lock is in one order, in whatever order its services are read and declared", () => {
  const [count, split] = [{ number: 2 }, { number: 1 }];
  const one = { ...words({ count, split }), service: "One" };
  const other = { ...words({ say: { number: 3 } }), service: "Other" };
  const reversed = {
    ...one,
    methods: one.methods.toReversed(),
    messages: one.messages.toReversed(),
  };
  const text = JSON.stringify(lockOf([one, other]));
  expect(JSON.stringify(lockOf([other, reversed]))).toBe(text);
  expect(Object.keys(lockOf([other, one]).methods)).toEqual(["1", "2", "3"]);
});

test.each([
  ["the marks of a merge", '{\n<<<<<<< main\n  "methods": {', "it is not JSON"],
  ["no methods", '{"messages":{},"retired":{}}', "/methods"],
  [
    "a method without a name",
    '{"methods":{"1":{}},"messages":{},"endpoints":{},"errors":{},"retired":{}}',
    "/methods/1",
  ],
])("a lock with %s is refused, and says where", (_, text, where) => {
  expect(() => parseLock(text)).toThrow(SchemaError);
  expect(() => parseLock(text)).toThrow(`Cannot read ${LOCK_PATH}: ${where}`);
});

test("a lock that lacks a message is refused by the name of the message", async () => {
  await using checkout = await Checkout.withWords();
  await checkout.edit(LOCK_PATH, '"Words.Count": {', '"Words.Sum": {');
  const output = `Cannot read ${LOCK_PATH}: it lacks Words.Count\n`;
  expect(await checkout.codegen()).toEqual({ code: 1, output });
});

test("codegen lists every break, and writes nothing", async () => {
  await using checkout = await Checkout.withWords();
  await checkout.edit(SCHEMA, COUNT, "count: Type.Optional(Type.Integer())");
  await checkout.edit(SCHEMA, "number: 1002", "number: 1003");
  const before = [await checkout.emitted(), await checkout.text(LOCK_PATH)];
  const { code, output } = await checkout.codegen();
  expect(code).toBe(1);
  expect(output.trim().split("\n")).toEqual([
    "Cannot change Words.count: reply field count was made optional (reply-field-optional); " +
      "existing clients refuse a reply without it. Instead: keep sending it, and add a field " +
      "that says when it has no meaning.",
    "Cannot change Words.split: its number went from 1002 to 1003 (number-changed); existing " +
      "clients call the old number, which no method answers. Instead: give it back its old number.",
    expect.stringContaining("`bun run codegen --accept-breaking`"),
  ]);
  expect(await checkout.codegen("--check")).toEqual({ code, output });
  expect(await checkout.codegen("--draft")).toEqual({ code, output });
  expect([await checkout.emitted(), await checkout.text(LOCK_PATH)]).toEqual(before);
});

test("--accept-breaking records a break, and the next change is compared with it", async () => {
  await using checkout = await Checkout.withWords();
  await checkout.edit(SCHEMA, "number: 1002", "number: 1003");
  const { code, output } = await checkout.codegen("--accept-breaking");
  expect(code).toBe(0);
  expect(output).toStartWith("Accepted: Cannot change Words.split: its number went from 1002");
  expect(output).toContain(`${LOCK_PATH} written`);
  expect(parseLock(await checkout.text(LOCK_PATH)).retired).toEqual({ "1002": "Words.split" });
  expect((await checkout.codegen("--check")).code).toBe(0);
  await checkout.edit(SCHEMA, "number: 1003", "number: 1002");
  expect((await checkout.codegen()).output).toContain("(number-changed)");
});

test("codegen refuses to run without its lock", async () => {
  await using checkout = await Checkout.withWords();
  await rm(checkout.path(LOCK_PATH));
  const { code, output } = await checkout.codegen();
  expect(code).toBe(1);
  expect(output).toStartWith(`Cannot find ${LOCK_PATH}, the record of what was published`);
  expect(await checkout.codegen("--check")).toEqual({ code, output });
});

test("codegen records a compatible change, and --check fails until it has", async () => {
  await using checkout = await Checkout.withWords();
  const hashes = async () => parseLock(await checkout.text(LOCK_PATH)).methods[1001]?.hashes;
  const [oldest = "none"] = (await hashes()) ?? [];
  await checkout.edit(SCHEMA, COUNT, `${COUNT}, unit: Type.String()`);
  const check = await checkout.codegen("--check");
  expect(check.code).toBe(1);
  expect(check.output).toContain(`${LOCK_PATH} is stale`);

  // A draft emits the same. It does not record a shape that may never be published.
  expect((await checkout.codegen("--draft")).code).toBe(0);
  expect(await hashes()).toEqual([oldest]);
  const draft = await checkout.emitted();
  expect(draft["words.ts"]).toContain(`olderHashes: ["${oldest}"],`);

  expect(await checkout.codegen()).toEqual({ code: 0, output: `${LOCK_PATH} written\n` });
  expect(await checkout.emitted()).toEqual(draft);
  const [newest, ...older] = (await hashes()) ?? [];
  expect(draft["words.ts"]).toContain(`hash: "${newest}",`);
  expect(older).toEqual([oldest]);
});

test("the same schemas give the same bytes, wherever and however often", async () => {
  await using one = await Checkout.copy();
  await using other = await Checkout.copy();
  const texts = [];
  for (const checkout of [one, other, other]) {
    await rm(checkout.path("src/gen"), { recursive: true });
    await rm(checkout.path(LOCK_PATH));
    expect((await checkout.codegen("--accept-breaking")).code).toBe(0);
    texts.push(JSON.stringify([await checkout.emitted(), await checkout.text(LOCK_PATH)]));
  }
  expect(new Set(texts).size).toBe(1);
});
