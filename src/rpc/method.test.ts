import { expect, test } from "bun:test";
import { dispatchTable, entry, type Method } from "./method.ts";
import { SAY, type Text } from "./testing/stack.ts";

const SHOUT: Method<Text, Text> = { ...SAY, name: "Test.shout", number: 8 };
const echo = async (request: Text) => request;
const ENTRIES = [entry(SAY, echo), entry(SHOUT, echo)];

test("a service may inherit its functions from its class", () => {
  class Echo {
    say = echo;
    shout(request: Text) {
      return echo(request);
    }
  }
  expect(dispatchTable(new Echo(), ENTRIES)).toEqual(ENTRIES);
});

test.each([
  [{ say: echo }, "Cannot serve Test: it has no function shout"],
  [{ shout: "loud" }, "Cannot serve Test: it has no function say, shout"],
  [undefined, "Cannot serve Test: there is none"],
])("a service that lacks a function is refused: case %#", (service, message) => {
  expect(() => dispatchTable(service, ENTRIES)).toThrow(new TypeError(message));
});
