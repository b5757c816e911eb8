import { expect, test } from "bun:test";
import type { MethodDescription } from "../gen/system.ts";
import { describeMethod, listServices } from "./listing.ts";

const SAY: MethodDescription = {
  name: "say",
  number: 7,
  hash: "a hash",
  summary: "Say it.",
  idempotent: false,
  errors: [],
  request: { type: "object" },
  reply: { type: "object" },
};
const forAdmin = { ...SAY, callers: ["admin"] };
const forTwo = { ...SAY, callers: ["admin", "batch"] };

function linesOf(...methods: readonly MethodDescription[]): string[] {
  return listServices([{ service: "Test", methods }])
    .split("\n")
    .filter(Boolean);
}

test("a service says for whom it is if all of its methods are for the same callers", () => {
  expect(linesOf(SAY, SAY)[0]).toBe("Test");
  expect(linesOf(forAdmin, forAdmin)).toEqual([
    "Test (only for admin)",
    ...["  7  say({}) → {}", "     Say it.", "  7  say({}) → {}", "     Say it."],
  ]);
  expect(linesOf(forTwo)[0]).toBe("Test (only for admin and batch)");
});

test("else each method says for whom it is, unless it is for all", () => {
  expect(linesOf(SAY, forTwo)).toEqual([
    "Test",
    ...["  7  say({}) → {}", "     Say it."],
    ...["  7  say({}) → {}", "     Say it.", "     Callers: admin, batch"],
  ]);
  expect(linesOf(forAdmin, forTwo).filter((line) => line.includes("Callers"))).toHaveLength(2);
});

test("the help of a method says for whom it is", () => {
  expect(describeMethod("Test", forTwo)).toContain("\nIt is only for admin and batch.\n");
  expect(describeMethod("Test", SAY)).not.toContain("It is only");
});
