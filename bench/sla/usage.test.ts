import { expect, test } from "bun:test";
import { cpus } from "node:os";
import { coreTime, stolenShare } from "./usage.ts";

test("the stolen share is of the time between two moments", () => {
  const before = { stolen: 100, idle: 0, all: 1000 };
  expect(stolenShare(before, { stolen: 130, idle: 0, all: 1200 })).toBeCloseTo(0.15);
  expect(stolenShare(before, before)).toBe(0);
});

test("the time of all cores is what Linux counts", () => {
  const { stolen, all } = coreTime();
  // Node's view of the same clock: in milliseconds, without software interrupts and steal time.
  const others = cpus().flatMap(({ times }) => Object.values(times));
  const counted = others.reduce((sum, ms) => sum + ms, 0) / 10;
  expect(stolen).toBeGreaterThanOrEqual(0);
  expect((all - stolen) / counted).toBeCloseTo(1, 0);
});
