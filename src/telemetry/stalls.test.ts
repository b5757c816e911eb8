import { expect, test } from "bun:test";
import { STOOD_STILL } from "../rpc/steps.ts";
import { Stalls } from "./stalls.ts";

const block = (ms: number) => {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt);
};

test("the time in which a process stood still is a step of what ran then", async () => {
  using stalls = new Stalls();
  const begunAt = performance.now();
  block(800);
  const steps = [
    { name: "hashing", ms: 100 },
    { name: "in the handler", ms: 1000 },
  ];
  // The timer has not run since.
  const during = stalls.steps(steps, begunAt);
  expect(during.map(({ name }) => name)).toEqual(["in the handler", "hashing", STOOD_STILL]);
  expect(during.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(1100, 3);
  const now = performance.now();
  expect(stalls.beforeMs(now, now)).toBeGreaterThan(790);
  expect(stalls.beforeMs(begunAt, now)).toBeLessThan(100);
  expect(stalls.beforeMs(now + 1000, now)).toBe(0);
  expect(during[2]?.ms).toBeGreaterThan(790);
  expect(stalls.steps(steps, performance.now())).toEqual(steps);
});
