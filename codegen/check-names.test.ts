import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import { checkNames } from "./check-names.ts";
import { SchemaError, serviceModel } from "./model.ts";

const Text = Type.Object({ text: Type.String() });
const METHOD = { number: 1, summary: "Say it.", request: Text, reply: Text, errors: [] };

function check(service: string, methods: readonly string[], more = {}, file = "words"): void {
  const specs = Object.fromEntries(
    methods.map((name, index) => [name, { ...METHOD, number: index + 1 }]),
  );
  const declared = { WordsContract: contract(service, specs) };
  checkNames(serviceModel(`schema/${file}.ts`, { Text, ...more, ...declared }));
}

test("names that emitted code can be made of pass", () => {
  expect(() => check("AuditLog", ["say", "sayAll", "getURL"], { Word: Text })).not.toThrow();
});

const extra = Type.Object({});
test.each<[string, () => void, string]>([
  ["a service in two words", () => check("my words", ["say"]), "name my words in schema/words.ts"],
  ["a service without methods", () => check("Words", []), "it has no methods"],
  ["a file called like a folder", () => check("Words", ["say"], {}, "rpc"), "src/rpc is there"],
  ["a method with a dash", () => check("Words", ["go-on"]), "a method's is like signIn"],
  ["a method that every object has", () => check("Words", ["constructor"]), "every object has"],
  ["two methods of one constant", () => check("Words", ["getURL", "getUrl"]), "GET_URL"],
  [
    "a message called Record",
    () => check("Words", ["say"], { Record: extra }),
    "emitted code uses",
  ],
  [
    "a message like the client",
    () => check("Words", ["say"], { WordsClient: extra }),
    "the client's",
  ],
  ["a message like a constant", () => check("Words", ["say"], { SAY: extra }), "the method say"],
])("%s is refused", (_, checking, why) => {
  expect(checking).toThrow(SchemaError);
  expect(checking).toThrow(why);
});
