import { describe, expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import { checkServices } from "./check-service.ts";
import { SchemaError, type ServiceModel, serviceModel } from "./model.ts";

const Text = Type.Object({ text: Type.String() });
const METHOD = { number: 1, summary: "Say it.", request: Text, reply: Text, errors: [] };

/** A service whose methods are numbered from `first`. */
function model(service: string, methods: readonly string[], first = 1, more = {}): ServiceModel {
  const specs = methods.map((name, index) => [name, { ...METHOD, number: first + index }] as const);
  const declared = contract(service, Object.fromEntries(specs));
  return serviceModel("schema/words.ts", { Text, ...more, Declared: declared });
}

describe("a number", () => {
  test("is refused for two methods, within a service and over two", () => {
    const twice = contract("Words", { count: METHOD, split: METHOD });
    const service = serviceModel("schema/words.ts", { Text, Declared: twice });
    expect(() => checkServices([service])).toThrow(
      "Cannot number Words.split 1: Words.count has it; 2 is free",
    );
    const [one, other] = [model("Words", ["count"]), model("Letters", ["count"])];
    expect(() => checkServices([one, other])).toThrow(
      "Cannot number Letters.count 1: Words.count has it",
    );
    expect(() => checkServices([one, model("Letters", ["count"], 2)])).not.toThrow();
  });
});

describe("a name", () => {
  const extra = Type.Object({});

  test("passes if it can be emitted", () => {
    const service = model("AuditLog", ["say", "sayAll", "getURL"], 1, { Word: Text });
    expect(() => checkServices([service])).not.toThrow();
  });

  test.each<[string, ServiceModel, string]>([
    ["of a service in two words", model("my words", ["say"]), "name my words in schema/words.ts"],
    ["of a service without methods", model("Words", []), "it has no methods"],
    [
      "of a file like a folder",
      { ...model("Words", ["say"]), file: "rpc" },
      "src/rpc exists already",
    ],
    ["of a method with a dash", model("Words", ["go-on"]), "a method has a name like signIn"],
    ["of a member of every object", model("Words", ["constructor"]), "every object has"],
    ["of two methods with one constant", model("Words", ["getURL", "getUrl"]), "GET_URL"],
    [
      "of a message like Record",
      model("Words", ["say"], 1, { Record: extra }),
      "emitted code uses",
    ],
    [
      "of a message like the client",
      model("Words", ["say"], 1, { WordsClient: extra }),
      "it is the name of the client",
    ],
    [
      "of a message like a constant",
      model("Words", ["say"], 1, { SAY: extra }),
      "the constant of the method say",
    ],
  ])("%s is refused", (_, service, why) => {
    const check = () => checkServices([service]);
    expect(check).toThrow(SchemaError);
    expect(check).toThrow(why);
  });
});

describe("callers", () => {
  const check = (callers: readonly string[]) => {
    const declared = contract("Words", { count: METHOD }, { callers });
    checkServices([serviceModel("schema/words.ts", { Text, Declared: declared })]);
  };

  test("pass if each has a name, once", () => check(["http", "admin", "batch-job-2"]));

  test.each<[string, readonly string[], string]>([
    ["none", [], "name one, or leave out callers"],
    ["a name twice", ["admin", "http", "admin"], 'not "admin"'],
    ["an empty name", [""], 'not ""'],
    ["a name with a colon", ["ad:min"], 'not "ad:min"'],
    ["a long name", ["a".repeat(33)], `not "${"a".repeat(33)}"`],
  ])("with %s are refused", (_, callers, why) => {
    expect(() => check(callers)).toThrow(SchemaError);
    expect(() => check(callers)).toThrow(`Cannot read the callers of Words.count in`);
    expect(() => check(callers)).toThrow(why);
  });
});

describe("a field", () => {
  function check(field: TSchema, name = "field"): void {
    const Odd = Type.Object({ [name]: field });
    const spec = { number: 1, summary: "Do.", request: Odd, reply: Odd, errors: [] };
    const declared = { Odd, OddContract: contract("Odd", { do: spec }) };
    checkServices([serviceModel("schema/odd.ts", declared)]);
  }

  const record = (options = {}) => Type.Record(Type.String(), Type.Integer(), options);

  test.each<[string, TSchema, string]>([
    ["an unknown format", Type.String({ format: "email" }), "Odd.field in schema/odd.ts"],
    ["a wrong example", Type.Integer({ examples: [7, "7"] }), 'its example "7"'],
    ["unchecked keys", record(), "a record needs additionalProperties: false"],
    ["unchecked keys in a list", Type.Array(record()), "Cannot use Odd.field[]"],
    ["unchecked keys in a union", Type.Union([Type.Null(), record()]), "Cannot use Odd.field "],
    ["unchecked keys in a record", Type.Record(Type.String(), record()), "Cannot use Odd.field"],
  ])("with %s is refused by its name", (_, field, why) => {
    expect(() => check(field)).toThrow(why);
  });

  test.each(["constructor", "toString"])("called %s is refused", (name) => {
    expect(() => check(Type.String(), name)).toThrow(`every object has a member ${name}`);
  });

  test("passes if its values can match it", () => {
    check(Type.String({ examples: ["any"] }));
    check(record({ additionalProperties: false }));
  });
});
