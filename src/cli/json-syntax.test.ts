import { expect, test } from "bun:test";
import { whereJsonBreaks } from "./json-syntax.ts";

test.each([
  ["", 0],
  ["  ", 2],
  ["grace", 0],
  ["'a'", 0],
  ["{a: 1}", 1],
  ["{'a': 1}", 1],
  ['{"a" 1}', 5],
  ['{"a": }', 6],
  ['{"a": 1,}', 8],
  ['{"a": 1 "b": 2}', 8],
  ['{"a": 1', 7],
  ['{"a": "b}', 6],
  ['{"a": "\n"}', 6],
  ['{"a": "\\x"}', 6],
  ['{"a": 01}', 6],
  ['{"a": nulls}', 6],
  ['{"a": [1, 2}', 11],
  ['{"a": [1, [2, {"b": tru}]]}', 20],
  ["[1] 2", 4],
  ['{"a":\u00a01}', 5],
])("%j stops being JSON at %i", (text, index) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(whereJsonBreaks(text)).toBe(index);
});

test.each([
  "{}",
  " [ ] ",
  "-0",
  "1.5e+10",
  "true",
  '"\\u00e9\\n\\"\\\\ \u007f \u0085 日本語 👩‍👩‍👧"',
  '\t{"a": [1, {"b": null, "": [[], {}]}],\r\n "c": false}\n',
])("%j is JSON to its end", (text) => {
  expect(() => JSON.parse(text)).not.toThrow();
  expect(whereJsonBreaks(text)).toBe(text.length);
});
