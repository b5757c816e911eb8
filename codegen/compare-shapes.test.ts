import { describe, expect, test } from "bun:test";
import { type TObject, type TSchema, Type } from "@sinclair/typebox";
import { breakingChanges } from "./breaking.ts";
import type { Role } from "./compare-shapes.ts";
import { wordsLock } from "./testing/words.ts";

type Fields = Record<string, TSchema>;

const text = Type.String();
const integer = Type.Integer();
const isNull = Type.Null();
const either = (...members: (string | TSchema)[]) =>
  Type.Union(members.map((each) => (typeof each === "string" ? Type.Literal(each) : each)));

function changes(role: Role, was: Fields, is: Fields, before: Fields = {}, after: Fields = {}) {
  const lock = (fields: Fields, messages: Fields) =>
    wordsLock({ count: { [role]: Type.Object(fields) } }, messages);
  return breakingChanges(lock(was, before), lock(is, after));
}

/** A field before and after a change, and the rules that it breaks in a request and in a reply. */
type Row = readonly [was: TSchema, is: TSchema, inRequest: string, inReply: string];

describe("a field that goes from", () => {
  const A = Type.Object({ name: text });
  const rows: Row[] = [
    [text, integer, "type-changed", "type-changed"],
    [integer, Type.Number(), "", "type-changed"],
    [Type.Number(), integer, "type-changed", ""],
    [text, Type.Unknown(), "", "type-changed"],
    [Type.Unknown(), text, "type-changed", ""],
    [Type.Literal("a"), text, "", "type-changed"],
    [text, Type.Literal("a"), "type-changed", ""],
    [Type.Literal("a"), Type.Literal("b"), "type-changed", "type-changed"],
    [Type.Array(text), Type.Array(integer), "type-changed", "type-changed"],
    [Type.Array(text), text, "type-changed", "type-changed"],
    [Type.Record(text, text), Type.Record(text, integer), "type-changed", "type-changed"],
    [Type.Record(text, text), Type.Record(integer, text), "type-changed", "type-changed"],
    [A, Type.Record(text, text), "type-changed", "type-changed"],
    // Unions, and changes from and to a union.
    [text, either(text, isNull), "", "reply-union-widened"],
    [either(text, isNull), text, "request-union-narrowed", "reply-union-narrowed"],
    [either("a", "b"), either("b", "a"), "", ""],
    [either("a", either("b", "c")), either("a", "b", "c"), "", ""],
    [either("a", "b", "c"), either("a", either("b", "c")), "", ""],
    [either("a", "b"), text, "", "reply-union-narrowed and reply-union-widened"],
    [
      either(integer, isNull),
      either(Type.Number(), isNull),
      "",
      "reply-union-narrowed and reply-union-widened",
    ],
    [
      either(Type.Array(text), isNull),
      either(Type.Array(integer), isNull),
      "type-changed",
      "type-changed",
    ],
    // Bounds of every kind.
    [text, Type.String({ format: "email" }), "request-tightened", ""],
    [Type.String({ format: "email" }), text, "", "reply-loosened"],
    [
      Type.String({ pattern: "a" }),
      Type.String({ pattern: "b" }),
      "request-tightened",
      "reply-loosened",
    ],
    [Type.String({ minLength: 1 }), Type.String({ minLength: 2 }), "request-tightened", ""],
    [Type.String({ maxLength: 1 }), Type.String({ maxLength: 2 }), "", "reply-loosened"],
    [Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 0 }), "", "reply-loosened"],
    [Type.Integer({ exclusiveMaximum: 9 }), integer, "", "reply-loosened"],
    [Type.Array(text, { maxItems: 2 }), Type.Array(text, { maxItems: 1 }), "request-tightened", ""],
    [Type.Array(text, { uniqueItems: true }), Type.Array(text), "", "reply-loosened"],
  ];

  for (const [was, is, inRequest, inReply] of rows) {
    test(`${JSON.stringify(was)} to ${JSON.stringify(is)}`, () => {
      const rules = (role: Role) => {
        const found = changes(role, { field: was }, { field: is }).map(({ rule }) => rule);
        return [...new Set(found)].join(" and ");
      };
      expect({ inRequest: rules("request"), inReply: rules("reply") }).toEqual({
        inRequest,
        inReply,
      });
    });
  }
});

test("a change of type names both types as the schema does", () => {
  const Unit = Type.Object({ name: text });
  const record = Type.Record(text, text);
  const said = (was: TSchema, is: TSchema) =>
    changes("request", { field: was }, { field: is }, { Unit }, { Unit })[0]?.message;
  expect(said(Unit, record)).toContain("request field field went from Words.Unit to record");
  expect(said(Type.Literal("a"), integer)).toContain('went from "a" to integer');
  expect(said(Type.Unknown(), text)).toContain("went from anything to string");
});

test("a reply that allowed no other fields cannot get another", () => {
  const lock = (fields: Fields) =>
    wordsLock({ count: { reply: Type.Object(fields, { additionalProperties: false }) } });
  const [change] = breakingChanges(lock({ text }), lock({ text, more: text }));
  expect(change?.message).toContain("reply field more is new where none were allowed");
});

describe("a change is found, and named by its path,", () => {
  const Inner = Type.Object({ name: text, size: Type.Optional(Type.Integer()) });
  const Changed = Type.Object({ name: Type.Optional(text), size: Type.Integer() });

  test.each<[string, (inner: TObject) => Fields, string]>([
    ["in a message", (inner) => ({ inner }), "inner"],
    ["in an array", (inner) => ({ list: Type.Array(inner) }), "list[]"],
    ["in a record", (inner) => ({ byKey: Type.Record(text, inner) }), "byKey[]"],
    ["in a union", (inner) => ({ maybe: Type.Union([Type.Null(), inner]) }), "maybe"],
    [
      "far below",
      (inner) => ({ list: Type.Array(Type.Record(text, Type.Array(inner))) }),
      "list[][][]",
    ],
  ])("%s", (_, fields, path) => {
    const messages = (role: Role) =>
      changes(role, fields(Inner), fields(Changed), { Inner }, { Inner: Changed }).map(
        ({ message }) => message,
      );
    expect(messages("reply")).toEqual([
      expect.stringContaining(`reply field ${path}.name was made optional (reply-field-optional)`),
    ]);
    expect(messages("request")).toEqual([
      expect.stringContaining(`request field ${path}.size was made required`),
    ]);
  });
});

test("documentation, names of messages and order may change", () => {
  const Unit = Type.Object({ name: text, plural: text });
  const plural = Type.String({ description: "More than one." });
  const Measure = Type.Object({ plural, name: text });
  for (const role of ["request", "reply"] as const) {
    const [was, is] = [either(Unit, isNull), either(isNull, Measure)];
    expect(changes(role, { unit: was }, { unit: is }, { Unit }, { Measure })).toEqual([]);
  }
});
