import { expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import { checkMessages } from "./check-messages.ts";
import { serviceModel } from "./model.ts";

function check(field: TSchema, name = "field"): void {
  const Odd = Type.Object({ [name]: field });
  const spec = { number: 1, summary: "Do.", request: Odd, reply: Odd, errors: [] };
  const declared = { Odd, OddContract: contract("Odd", { do: spec }) };
  checkMessages(serviceModel("schema/odd.ts", declared));
}

const record = (options = {}) => Type.Record(Type.String(), Type.Integer(), options);

test.each<[string, TSchema, string]>([
  ["a format that nobody knows", Type.String({ format: "email" }), "Odd.field in schema/odd.ts"],
  ["an example that is not of it", Type.Integer({ examples: [7, "7"] }), 'its example "7"'],
  ["a record with unchecked keys", record(), "a record wants additionalProperties: false"],
  ["one of these in a list", Type.Array(record()), "Cannot take Odd.field[]"],
  ["one of these in a union", Type.Union([Type.Null(), record()]), "Cannot take Odd.field "],
  ["one of these in a record", Type.Record(Type.String(), record()), "Cannot take Odd.field"],
])("%s is refused by the name of its field", (_, field, why) => {
  expect(() => check(field)).toThrow(why);
});

test.each(["constructor", "toString"])("a field called %s is refused", (name) => {
  expect(() => check(Type.String(), name)).toThrow(`every object has a member ${name}`);
});

test("what a value can keep passes", () => {
  check(Type.String({ examples: ["any"] }));
  check(record({ additionalProperties: false }));
});
