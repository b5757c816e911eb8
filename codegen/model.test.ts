import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { type Contract, contract, type MethodSpec } from "../schema/contract.ts";
import { SchemaError, type ServiceModel, serviceModel } from "./model.ts";

const Request = Type.Object({ text: Type.String() });
const Reply = Type.Object({ count: Type.Integer() });

const METHOD: MethodSpec = {
  number: 1,
  summary: "Count the words.",
  request: Request,
  reply: Reply,
  errors: ["PasswordError"],
};

function withMethod(changes: Partial<MethodSpec>, service = "Words"): Contract {
  return contract(service, { count: { ...METHOD, ...changes } });
}

function model(declared: Contract, messages: Record<string, unknown> = {}): ServiceModel {
  return serviceModel("schema/words.ts", { Request, Reply, ...messages, Declared: declared });
}

function hashOf(service: ServiceModel): string | undefined {
  return service.methods[0]?.hash;
}

test("a model has each message by the name of its export", () => {
  expect(model(withMethod({}))).toMatchObject({
    service: "Words",
    file: "words",
    source: "schema/words.ts",
    messages: [{ name: "Request" }, { name: "Reply" }],
    methods: [{ name: "count", number: 1, idempotent: false, request: "Request", reply: "Reply" }],
  });
});

test.each([0, -1, 1.5, 65_536, Number.NaN])("the number %d is refused", (number) => {
  expect(() => model(withMethod({ number }))).toThrow(SchemaError);
  expect(() => model(withMethod({ number }))).toThrow("Cannot number Words.count");
});

test("the lowest and the highest number are accepted", () => {
  for (const number of [1, 65_535]) expect(() => model(withMethod({ number }))).not.toThrow();
});

test("a message that is not exported is refused", () => {
  const reply = Type.Object({ hidden: Type.String() });
  expect(() => model(withMethod({ reply }))).toThrow("Cannot name the reply of Words.count");
});

test("a message that is not an object is refused", () => {
  const request = Type.String();
  expect(() => model(withMethod({ request }), { Name: request })).toThrow(
    "Cannot name the request of Words.count",
  );
});

test("a file with no contract, or with two, is refused", () => {
  expect(() => serviceModel("schema/words.ts", { Request })).toThrow("0 contracts");
  const another = withMethod({}, "Letters");
  expect(() => model(withMethod({}), { Another: another })).toThrow("2 contracts");
});

test.each([
  ["its number", { number: 2 }],
  ["its errors", { errors: [] }],
  ["idempotency", { idempotent: true }],
  ["its callers", { callers: ["admin"] }],
  ["its messages", { reply: Request }],
])("the hash of a method changes with %s", (_, changes) => {
  expect(hashOf(model(withMethod(changes)))).not.toBe(hashOf(model(withMethod({}))));
});

test("the hash of a method stays the same if only documentation changes", () => {
  const described = Type.Object({ text: Type.String({ description: "Any." }) });
  const reworded = model(withMethod({ summary: "Counts.", request: described }), { described });
  expect(hashOf(reworded)).toBe(hashOf(model(withMethod({}))));
});

test("the callers of a contract are those of its methods, unless a method has its own", () => {
  const methods = { count: METHOD, split: { ...METHOD, number: 2, callers: ["http"] } };
  const declared = contract("Words", methods, { callers: ["admin"] });
  const callersOf = ({ methods }: ServiceModel) => methods.map(({ callers }) => callers);
  expect(callersOf(model(declared))).toEqual([["admin"], ["http"]]);
  expect(callersOf(model(contract("Words", methods)))).toEqual([undefined, ["http"]]);
});

test("a field with the name description is part of the hash", () => {
  const hashes = [Type.String(), Type.Integer()].map((description) => {
    const request = Type.Object({ description });
    return hashOf(model(withMethod({ request }), { Described: request }));
  });
  expect(hashes[0]).not.toBe(hashes[1]);
});
