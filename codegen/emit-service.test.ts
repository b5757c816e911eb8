import { expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import { emitService } from "./emit-service.ts";
import { EMPTY_LOCK } from "./lock.ts";
import { serviceModel } from "./model.ts";

function emitted(message: TSchema, others: Record<string, TSchema> = {}, options = {}): string {
  const spec = { number: 1, summary: "Count.", request: message, reply: message, errors: [] };
  const declared = contract("Words", { count: spec }, options);
  const exports = { ...others, Odd: message, WordsContract: declared };
  return emitService(serviceModel("schema/words.ts", exports), EMPTY_LOCK);
}

test("a message and its fields have the descriptions of the schema, each once", () => {
  const Inner = Type.Object({}, { description: "What is inside." });
  const fields = {
    inner: Inner,
    text: Type.Optional(Type.String({ description: "Ends a comment */ here." })),
  };
  const text = emitted(Type.Object(fields, { description: "An odd one." }), { Inner });
  expect(text).toContain(`
/** An odd one. From \`Odd\` in schema/words.ts. */
export interface Odd {
  readonly "inner": Inner;
  /** Ends a comment *\\/ here. */
  readonly "text"?: string;
}

/** The check of \`Odd\` in schema/words.ts. */
export const Odd: Validator<Odd> = TypeCompiler.Compile(schema.Odd);
`);
  expect(text.match(/What is inside/g)).toHaveLength(1);
});

test("a description that is too long for a line is wrapped", () => {
  const description = "So many words that they do not fit. ".repeat(5).trim();
  const text = emitted(Type.Object({}, { description }));
  expect(text).toContain("\n * From `Odd` in schema/words.ts.\n */\nexport type Odd =");
  expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

test("a method has the callers of the schema, and its doc comment names them", () => {
  const callers = ["admin", "batch"];
  const text = emitted(Type.Object({}), {}, { callers });
  expect(text).toContain('callers: ["admin","batch"],');
  expect(text.match(/Callers: admin, batch\./g)).toHaveLength(2);
  expect(emitted(Type.Object({}))).not.toContain("allers");
});

test("a kind of schema that cannot be emitted is refused by the name of its field", () => {
  expect(() => emitted(Type.Object({ when: Type.Date() }))).toThrow(
    "Cannot emit Odd.when: no rule for Date",
  );
  expect(() => emitted(Type.Object({ inner: Type.Object({}) }))).toThrow(
    "Cannot emit Odd.inner: no rule for Object; export a nested object as a message",
  );
  expect(() => emitted(Type.Object({ list: Type.Array(Type.Date()) }))).toThrow(
    "Cannot emit Odd.list: no rule for Date",
  );
  const record = Type.Record(Type.String(), Type.Date());
  expect(() => emitted(Type.Object({ record }))).toThrow(
    "Cannot emit Odd.record: no rule for Date",
  );
});
