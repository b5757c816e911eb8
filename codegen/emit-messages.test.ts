import { expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import { emitMessages } from "./emit-messages.ts";
import { serviceModel } from "./model.ts";

function emitted(message: TSchema): string {
  const spec = { number: 1, summary: "Count.", request: message, reply: message, errors: [] };
  const exports = { Odd: message, WordsContract: contract("Words", { count: spec }) };
  return emitMessages(serviceModel("schema/words.ts", exports));
}

test("a nested kind without a rule is refused by the name of its field", () => {
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
