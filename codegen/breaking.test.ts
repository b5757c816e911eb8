import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type TSchema, Type } from "@sinclair/typebox";
import type { CallEndpoint, HttpApi } from "../schema/endpoint.ts";
import { breakingChanges, refusal } from "./breaking.ts";
import { endpointModels } from "./http-model.ts";
import { type Lock, lockOf, successor } from "./lock.ts";
import { RULES, type RuleName } from "./rules.ts";
import { type Declared, words, wordsLock } from "./testing/words.ts";

type Methods = Readonly<Record<string, Declared>>;

/** A change that a rule refuses, and one that does the same without a break. */
interface Case {
  readonly was: Methods;
  readonly breaking: Methods;
  /** The method, and what changed in it, as in `count: its number went from 1 to 2`. */
  readonly says: string;
  readonly compatible: Methods;
}

const request = (fields: Record<string, TSchema>, options = {}): Methods => ({
  count: { request: Type.Object(fields, options) },
});
const reply = (fields: Record<string, TSchema>, options = {}): Methods => ({
  count: { reply: Type.Object(fields, options) },
});
const text = Type.String();
const maybeText = Type.Optional(text);
const either = (...words: string[]) => Type.Union(words.map((word) => Type.Literal(word)));

/** The rules of the HTTP API alone. An endpoint with its own handler can break others, too. */
type HttpRule = "endpoint-removed" | "endpoint-changed" | "error-changed";

const CASES: Readonly<Record<Exclude<RuleName, HttpRule>, Case>> = {
  "number-changed": {
    was: { count: { number: 1 } },
    breaking: { count: { number: 2 } },
    says: "count: its number went from 1 to 2",
    compatible: { count: { number: 1 }, countAll: { number: 2 } },
  },
  "number-reused": {
    was: { count: { number: 1 } },
    breaking: { erase: { number: 1 } },
    says: "erase: its number 1 was that of Words.count",
    compatible: { count: { number: 1 }, erase: { number: 2 } },
  },
  "method-removed": {
    was: { count: { number: 1 }, split: { number: 2 } },
    breaking: { count: { number: 1 } },
    says: "split: it was removed",
    compatible: { count: {}, split: { number: 2, summary: "Call join." }, join: { number: 3 } },
  },
  "idempotency-lost": {
    was: { count: { idempotent: true } },
    breaking: { count: { idempotent: false } },
    says: "count: it is no longer idempotent",
    compatible: { count: { idempotent: true }, countOnce: { number: 2 } },
  },
  "error-added": {
    was: { count: { errors: ["PasswordError"] } },
    breaking: { count: { errors: ["PasswordError", "UserNotExistError"] } },
    says: "count: it may answer with UserNotExistError",
    compatible: { count: { errors: [] } },
  },
  "caller-removed": {
    was: { count: { callers: ["http", "admin"] } },
    breaking: { count: { callers: ["admin"] } },
    says: "count: it is no longer for http",
    compatible: { count: { callers: ["http", "admin", "batch"] } },
  },
  "type-changed": {
    was: request({ text }),
    breaking: request({ text: Type.Integer() }),
    says: "count: request field text went from string to integer",
    compatible: request({ text, number: Type.Optional(Type.Integer()) }),
  },
  "request-field-required": {
    was: request({ text }),
    breaking: request({ text, language: text }),
    says: "count: request field language is new and required",
    compatible: request({ text, language: maybeText }),
  },
  "request-field-removed": {
    was: request({ text, language: text }),
    breaking: request({ text }),
    says: "count: request field language was removed",
    compatible: request({ text, language: maybeText }),
  },
  "request-union-narrowed": {
    was: request({ unit: either("word", "line") }),
    breaking: request({ unit: either("word", "byte") }),
    says: 'count: request field unit lost "line"',
    compatible: request({ unit: either("word", "line", "byte") }),
  },
  "request-tightened": {
    was: request({ text: Type.String({ maxLength: 100 }) }),
    breaking: request({ text: Type.String({ maxLength: 99 }) }),
    says: "count: request field text had maxLength 100 and has 99",
    compatible: request({ text: Type.String({ maxLength: 101 }) }),
  },
  "reply-field-removed": {
    was: reply({ text, language: maybeText }),
    breaking: reply({ text }),
    says: "count: reply field language was removed",
    compatible: reply({ text, language: text }),
  },
  "reply-field-optional": {
    was: reply({ text }),
    breaking: reply({ text: maybeText }),
    says: "count: reply field text was made optional",
    compatible: reply({ text, isUnknown: Type.Boolean() }),
  },
  "reply-union-narrowed": {
    was: reply({ unit: either("word", "line") }),
    breaking: reply({ unit: either("word") }),
    says: 'count: reply field unit lost "line"',
    compatible: reply({ unit: either("line", "word") }),
  },
  "reply-union-widened": {
    was: reply({ unit: either("word", "line") }),
    breaking: reply({ unit: either("word", "line", "byte") }),
    says: 'count: reply field unit got "byte"',
    compatible: reply({ unit: either("word", "line"), inBytes: Type.Boolean() }),
  },
  "reply-loosened": {
    was: reply({ count: Type.Integer({ minimum: 0 }) }),
    breaking: reply({ count: Type.Integer() }),
    says: "count: reply field count had minimum 0 and has none",
    compatible: reply({ count: Type.Integer({ minimum: 1 }) }),
  },
};

/** The lock after the change, be it a break that is accepted or a compatible change. */
function next(before: Lock, after: Lock): Lock {
  return successor(before, after, breakingChanges(before, after));
}

const hashesOf = (lock: Lock, number = "1") => lock.methods[number]?.hashes ?? [];

describe.each(Object.entries(CASES))("%s", (name, { was, breaking, says, compatible }) => {
  const before = wordsLock(was);
  const number = name === "method-removed" ? "2" : "1";

  test("is refused by method, field, rule and what to do instead", () => {
    const changes = breakingChanges(before, wordsLock(breaking));
    const [rule] = Object.entries(RULES).flatMap(([each, row]) => (each === name ? [row] : []));
    expect(changes.map((change) => `${change.number} ${change.rule}`)).toEqual([
      `${number} ${name}`,
    ]);
    expect(changes[0]?.message).toBe(
      `Cannot change Words.${says} (${name}); ${rule?.why}. Instead: ${rule?.instead}.`,
    );
    expect(refusal(changes)).toContain("--accept-breaking");
  });

  test("is recorded if it is accepted, and old clients are no longer answered", () => {
    const after = next(before, wordsLock(breaking));
    for (const hash of hashesOf(before, number)) {
      expect(Object.values(after.methods).flatMap(({ hashes }) => hashes)).not.toContain(hash);
    }
    expect(breakingChanges(after, wordsLock(breaking))).toEqual([]);
  });

  test("is avoided by a compatible change, which is recorded, and old clients are still answered", () => {
    expect(breakingChanges(before, wordsLock(compatible))).toEqual([]);
    const after = next(before, wordsLock(compatible));
    expect(after).not.toEqual(before);
    for (const each of Object.keys(before.methods)) {
      expect(hashesOf(after, each)).toContain(hashesOf(before, each)[0] ?? "none");
      expect(hashesOf(after, each)[0]).toBe(hashesOf(wordsLock(compatible), each)[0] ?? "none");
    }
  });
});

test("a method that was for every caller cannot be for some, but the other way round it can", () => {
  const [all, some] = [wordsLock({ count: {} }), wordsLock({ count: { callers: ["admin"] } })];
  expect(breakingChanges(all, some)).toMatchObject([
    { rule: "caller-removed", message: expect.stringContaining("count: only admin may call it") },
  ]);
  expect(breakingChanges(some, all)).toEqual([]);
});

test("a refusal lists every break", () => {
  const before = wordsLock({ count: { idempotent: true }, split: { number: 2 } });
  const after = wordsLock({ count: { errors: ["PasswordError"], reply: Type.Object({}) } });
  const changes = breakingChanges(before, after);
  expect(changes.map(({ rule }) => rule)).toEqual([
    "idempotency-lost",
    "error-added",
    "reply-field-removed",
    "method-removed",
  ]);
  expect(refusal(changes).split("\n")).toHaveLength(changes.length + 1);
});

describe("numbers", () => {
  const rulesOf = (was: Methods, is: Methods) =>
    breakingChanges(wordsLock(was), wordsLock(is)).map(({ rule }) => rule);
  const [one, two] = [{ number: 1 }, { number: 2 }];

  test("cannot be swapped", () => {
    const rules = rulesOf({ count: one, split: two }, { count: two, split: one });
    expect(rules).toEqual(["number-changed", "number-changed"]);
  });

  test("of a removed method cannot go to another", () => {
    const rules = rulesOf({ count: one, split: two }, { count: two });
    expect(rules).toEqual(["number-changed", "number-reused"]);
  });

  test("of a removed method are never used again", () => {
    const removed = next(wordsLock({ count: one, split: two }), wordsLock({ count: one }));
    expect(removed.retired).toEqual({ "2": "Words.split" });
    const later = next(removed, wordsLock({ count: one, join: { number: 3 } }));
    expect(later.retired).toEqual({ "2": "Words.split" });
    const reused = wordsLock({ count: one, join: { number: 3 }, erase: two });
    const changes = breakingChanges(later, reused);
    expect(changes).toMatchObject([{ rule: "number-reused", number: "2" }]);
    expect(changes[0]?.message).toContain("Words.erase: its number 2 was that of Words.split");
    const accepted = next(later, reused);
    expect(accepted.retired).toEqual({ "2": "Words.split" });
    expect(breakingChanges(accepted, reused)).toEqual([]);
  });

  test("of a method that moves or is replaced are retired, too", () => {
    const [moved, replaced] = [wordsLock({ count: two }), wordsLock({ erase: one })];
    for (const after of [moved, replaced]) {
      expect(next(wordsLock({ count: one }), after).retired).toEqual({ "1": "Words.count" });
    }
  });

  test("of a removed method can go back to that method", () => {
    const both = wordsLock({ count: one, split: two });
    const removed = next(both, wordsLock({ count: one }));
    expect(breakingChanges(removed, both)).toEqual([]);
    expect(hashesOf(next(removed, both), "2")).toEqual(hashesOf(both, "2"));
  });

  test("keep the older hashes of their method until a break, newest first", () => {
    const shapes = [["a"], ["a", "b"], ["a", "b", "c"]].map((fields) =>
      wordsLock(reply(Object.fromEntries(fields.map((field) => [field, text])))),
    );
    const published = shapes.reduce(next);
    expect(hashesOf(published)).toEqual(shapes.toReversed().flatMap((lock) => hashesOf(lock)));
    const broken = wordsLock(reply({ a: text }));
    expect(hashesOf(next(published, broken))).toEqual(hashesOf(broken));
  });
});

describe("the HTTP API", () => {
  const form = (fields: Record<string, TSchema>): HttpApi => ({
    upload: {
      ...{ path: "/up", methods: ["POST"], summary: "Up.", tag: "Words", errors: [] },
      ...{ changesState: true, form: Type.Object(fields), data: Type.Object({ at: text }) },
    },
  });
  const calling = (more: Partial<CallEndpoint>): HttpApi => ({
    count: { path: "/count", methods: ["POST"], calls: "Words.count", changesState: true, ...more },
  });
  const service = words({ count: {}, split: { number: 2 } });
  const lockWith = (api: HttpApi) => lockOf([service], endpointModels(api, [service]));

  test.each<[string, HttpApi, HttpApi, RuleName, HttpApi]>([
    [
      "POST /count: it was removed",
      calling({}),
      calling({ path: "/counts" }),
      "endpoint-removed",
      { ...calling({}), counts: { ...calling({ path: "/counts" }).count } as CallEndpoint },
    ],
    [
      "POST /count: it was answered by Words.count and is by Words.split",
      calling({}),
      calling({ calls: "Words.split" }),
      "endpoint-changed",
      { ...calling({}), ...form({}) },
    ],
    [
      "POST /count: it was answered by Words.count and is by Words.count with its count",
      calling({}),
      calling({ returns: "count" }),
      "endpoint-changed",
      { renamed: calling({}).count as CallEndpoint },
    ],
    [
      "POST /up: request field size is new and required",
      form({ file: text }),
      form({ file: text, size: text }),
      "request-field-required",
      form({ file: text, size: maybeText }),
    ],
  ])("%s is refused, and can be avoided", (says, was, breaking, rule, compatible) => {
    const before = lockWith(was);
    expect(breakingChanges(before, lockWith(breaking))).toMatchObject([
      { number: undefined, rule, message: expect.stringContaining(`Cannot change ${says} (`) },
    ]);
    expect(breakingChanges(before, lockWith(compatible))).toEqual([]);
    const recorded = successor(before, lockWith(compatible), []);
    expect(recorded.endpoints).toEqual(lockWith(compatible).endpoints);
  });

  test("keeps its error table, which can get new rows", () => {
    const before = wordsLock({ count: {} });
    const { PasswordError: row = { code: "", status: 0 }, ...others } = before.errors;
    const says = (errors: Lock["errors"]) =>
      breakingChanges(before, { ...before, errors }).map(({ message }) => message);
    expect(says({ ...others, PasswordError: { ...row, code: "55" } })).toEqual([
      expect.stringContaining(
        "PasswordError: it was 5 with 401 and is 55 with 401 (error-changed)",
      ),
    ]);
    expect(says(others)).toEqual([expect.stringContaining("it was 5 with 401 and was removed")]);
    expect(says({ ...before.errors, QuotaError: { code: "8", status: 429 } })).toEqual([]);
  });
});

test("the README has exactly these rules", async () => {
  const readme = await Bun.file(join(import.meta.dir, "README.md")).text();
  const [, table = ""] = /<!-- rules: begin -->\n(.*)<!-- rules: end -->/s.exec(readme) ?? [];
  const [, , ...rows] = table.trim().split("\n");
  const rules = Object.entries(RULES).map(
    ([name, { refused, why, instead }]) => `| \`${name}\` | ${refused} | ${why} | ${instead} |`,
  );
  expect(rows).toEqual(rules);
});
