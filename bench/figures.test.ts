import { expect, test } from "bun:test";
import {
  count,
  cpuSeconds,
  mebibytes,
  microseconds,
  milliseconds,
  NOT_MEASURED,
  percent,
  times,
} from "./figures.ts";

test("figures are written with significant digits", () => {
  expect(count(12_345.6)).toBe("12,346");
  expect(times(1.005)).toBe("1.01 ×");
  expect([0, 0.004, 0.126, 1].map(percent)).toEqual(["0 %", "0 %", "13 %", "100 %"]);
  expect([0.123, 1.234, 12.34, 123.4, 12_345.6].map(milliseconds)).toEqual([
    "0.12",
    "1.23",
    "12.3",
    "123",
    "12,346",
  ]);
  expect(cpuSeconds(0.012345)).toBe("0.01235");
  expect(cpuSeconds(12.345)).toBe("12.35");
  expect(microseconds(28.44)).toBe("28.4");
  expect(mebibytes(1.5 * 2 ** 20)).toBe("1.5");
});

test("a figure that is no number is a dash", () => {
  const all = [count, times, percent, milliseconds, cpuSeconds, microseconds, mebibytes];
  for (const written of all)
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY])
      expect(written(value)).toBe(NOT_MEASURED);
});
