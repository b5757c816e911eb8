import { expect, test } from "bun:test";
import { DURATION_BOUNDS, Durations } from "./durations.ts";

test("a duration is in the first bucket whose bound it does not exceed", () => {
  const durations = new Durations();
  for (const ms of [0, 0.5, 0.6, 1, 10_000, 10_001]) durations.add(ms);
  const filled = Array.from(durations.counts, (count, index) => [DURATION_BOUNDS[index], count]);
  expect(filled.filter(([, count]) => count !== 0)).toEqual([
    [0.0005, 2],
    [0.001, 2],
    [10, 1],
    [undefined, 1],
  ]);
  expect(durations.sumMs).toBeCloseTo(20_003.1);
});

test("the bounds rise, and are few", () => {
  expect(DURATION_BOUNDS.toSorted((one, other) => one - other)).toEqual([...DURATION_BOUNDS]);
  expect(DURATION_BOUNDS.length).toBeLessThanOrEqual(14);
});
