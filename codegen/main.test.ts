import { expect, setDefaultTimeout, test } from "bun:test";
import { rm } from "node:fs/promises";
import { Checkout } from "./testing/checkout.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Every kind of field and name that can be emitted, and lines that are too long. */
const WIDE_SCHEMA = `
import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

export const Inner = Type.Object({ "not-an-identifier": Type.Null() });
export const AMessageWithAQuiteLongName = Type.Object({
  inner: Inner,
  list: Type.Array(Type.String()),
  rows: Type.Array(Type.Union([Type.Number(), Inner])),
  choice: Type.Union([Type.Literal("one"), Type.Literal(2), Type.Boolean()]),
  anything: Type.Unknown(),
  counts: Type.Record(Type.String(), Type.Union([Type.Integer(), Inner]), {
    additionalProperties: false,
  }),
  maybeInner: Type.Optional(Inner),
  maybe: Type.Optional(
    Type.Integer({ description: "Ends a comment */ and is long: ${"so many words ".repeat(12)}" }),
  ),
});

export const VeryWideContract = contract("VeryWide", {
  doSomethingWithAQuiteLongNameIndeed: {
    number: 1001,
    summary: "Do something.",
    request: AMessageWithAQuiteLongName,
    reply: AMessageWithAQuiteLongName,
    errors: ["InvalidSessionError", "UserExistedError", "UserNotExistError", "PasswordError"],
  },
  get: { number: 1002, summary: 'Get "it".', request: Inner, reply: Inner, errors: [] },
});
`;

test("the committed code is up to date with the schemas", async () => {
  await using checkout = await Checkout.copy();
  expect(await checkout.codegen("--check")).toEqual({ code: 0, output: "" });
});

test("every emitted declaration says where it comes from", async () => {
  await using checkout = await Checkout.copy();
  for (const [name, text] of Object.entries(await checkout.emitted())) {
    const names = (pattern: RegExp) => Array.from(text.matchAll(pattern), ([, each]) => each);
    const all = names(/^export \w+ (\w+)/gm);
    expect(all).not.toBeEmpty();
    const saying = names(/in schema\/(?:[\w-]+\.ts)?\.\n? \*\/\nexport \w+ (\w+)/g);
    expect({ name, saying }).toEqual({ name, saying: all });
  }
});

test("--check fails and names a changed, a missing and a left-over file", async () => {
  await using checkout = await Checkout.copy();
  const changed = checkout.path("src/gen/user.ts");
  await Bun.write(changed, `${await Bun.file(changed).text()}// edited by hand\n`);
  await rm(checkout.path("src/gen/system.ts"));
  await Bun.write(checkout.path("src/gen/gone.ts"), "// of a service that is gone\n");
  const before = await checkout.emitted();

  const { code, output } = await checkout.codegen("--check");

  expect(code).toBe(1);
  const named = Array.from(output.matchAll(/src\/gen\/(\S+) is stale/g), ([, name]) => name);
  expect(named).toEqual(["gone.ts", "system.ts", "user.ts"]);
  expect(await checkout.emitted()).toEqual(before); // It wrote nothing.
});

test("codegen repairs the files that --check names, and then has nothing to change", async () => {
  await using checkout = await Checkout.copy();
  const committed = await checkout.emitted();
  await Bun.write(checkout.path("src/gen/user.ts"), "spoiled");
  await Bun.write(checkout.path("src/gen/gone.ts"), "left over");
  const { code, output } = await checkout.codegen();
  expect(code).toBe(0);
  expect(output).toContain("src/gen/user.ts written");
  expect(output).toContain("src/gen/gone.ts removed");
  expect(await checkout.emitted()).toEqual(committed);
  expect(await checkout.codegen()).toEqual({
    code: 0,
    output: "All that codegen writes is up to date\n",
  });

  await rm(checkout.path("src/gen"), { recursive: true });
  expect((await checkout.codegen("--check")).code).toBe(1);
  expect((await checkout.codegen()).code).toBe(0);
  expect(await checkout.emitted()).toEqual(committed);
});

const wideEndpoint = (calls: string) =>
  `{ path: "/wide", methods: ["POST"], calls: "${calls}", changesState: true }`;

test("emitted code passes the type checker and the formatter, however long its names", async () => {
  await using checkout = await Checkout.copy();
  await Bun.write(checkout.path("schema/very-wide.ts"), WIDE_SCHEMA);
  const calls = "VeryWide.doSomethingWithAQuiteLongNameIndeed";
  await checkout.edit(
    "schema/http-api.ts",
    "  signUp:",
    `  wide: ${wideEndpoint(calls)},\n  signUp:`,
  );
  expect(await checkout.codegen()).toMatchObject({ code: 0 });
  const { "very-wide.ts": emitted = "" } = await checkout.emitted();
  expect(emitted).toContain('readonly "not-an-identifier": null;');
  expect(emitted).toContain("readonly list: readonly string[];");
  expect(emitted).toContain("readonly rows: readonly (number | Inner)[];");
  expect(emitted).toContain('readonly choice: "one" | 2 | boolean;');
  expect(emitted).toContain("readonly maybe?: number;");
  expect(emitted).toContain("readonly maybeInner?: Inner;");
  expect(emitted).toContain("readonly counts: Readonly<Record<string, number | Inner>>;");
  expect(emitted).toContain("export const GET: Method<Inner, Inner, never> = {");
  expect(emitted).toContain("summary: 'Get \"it\".',");
  expect(emitted).toContain("reply: Inner,");
  const texts = Object.values(await checkout.emitted());
  expect(
    texts
      .join("\n")
      .split("\n")
      .filter((line) => line.length > 100),
  ).toEqual([]);

  expect(await checkout.biome("src/gen", "public/api.js")).toMatchObject({ code: 0 });
  expect(await checkout.compile()).toEqual({ code: 0, output: "" });
});

test("a field is added by a change of one file", async () => {
  await using checkout = await Checkout.copy();
  const credentials = "{ username: Username, password: Password";
  const email = "email: Type.Optional(Type.String())";
  await checkout.edit("schema/user.ts", credentials, `${credentials}, ${email}`);
  expect((await checkout.codegen()).code).toBe(0);

  expect(await checkout.text("src/gen/user.ts")).toContain("readonly email?: string;");
  expect(await checkout.text("src/gen/http-endpoints.ts")).toContain(
    'fields: ["username", "password", "email"]',
  );
  expect(await checkout.text("public/api.js")).toContain("@property {string} [email]");
  const { paths } = JSON.parse(await checkout.text("public/openapi.json"));
  const { content } = paths["/api/entrytask/user/signup"].post.requestBody;
  const { schema } = content["application/json"];
  expect(schema.properties.email).toEqual({ type: "string" });
  expect(await checkout.compile()).toEqual({ code: 0, output: "" });
});

test("a wrong schema is reported in one line, and nothing is written", async () => {
  await using checkout = await Checkout.copy();
  const before = await checkout.emitted();
  const spoiled = WIDE_SCHEMA.replace("number: 1002", "number: 1");
  await Bun.write(checkout.path("schema/very-wide.ts"), spoiled);
  const output = expect.stringMatching(
    /^Cannot number VeryWide\.get 1: User\.signUp has it; \d+ is free\n$/,
  );
  expect(await checkout.codegen()).toEqual({ code: 1, output });
  expect(await checkout.emitted()).toEqual(before);
});
