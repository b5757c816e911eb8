import { describe, expect, test } from "bun:test";
import type { InterceptedCall } from "../rpc/interceptor.ts";
import { seededRandom, testSeed } from "../rpc/testing/seed.ts";
import { SAY } from "../rpc/testing/stack.ts";
import { CallStats, Histogram } from "./call-stats.ts";

describe("Histogram", () => {
  test("quantile() is within 5 %, for any distribution", () => {
    const random = seededRandom(testSeed("histogram"));
    for (let round = 0; round < 50; round++) {
      // From microseconds to minutes, close together or far apart.
      const [lowest, spread] = [0.001 * 10 ** (random() * 4), random() * 4];
      const size = 1 + Math.floor(random() * 2000);
      const samples = Array.from({ length: size }, () => lowest * 10 ** (random() * spread));
      const histogram = new Histogram();
      for (const ms of samples) histogram.add(ms);
      samples.sort((a, b) => a - b);
      for (const part of [0.5, 0.9, 0.99, 1]) {
        const exact = samples[Math.ceil(part * size) - 1] ?? Number.NaN;
        expect(Math.abs(histogram.quantile(part) / exact - 1)).toBeLessThan(0.05);
      }
    }
  });

  test("a duration outside of the scale counts as the nearest on it", () => {
    const histogram = new Histogram();
    for (const ms of [0, 1e-9, 1e12]) histogram.add(ms);
    expect(histogram.quantile(0.5)).toBeCloseTo(0.001, 3);
    expect(histogram.quantile(1)).toBeGreaterThan(120_000);
    expect(Number.isFinite(histogram.quantile(1))).toBeTrue();
  });

  test("quantile() is NaN without calls", () => {
    expect(new Histogram().quantile(0.5)).toBeNaN();
  });
});

test("CallStats counts the calls of each method: in flight, ended, and by error", () => {
  const stats = new CallStats();
  const call: InterceptedCall = {
    method: SAY,
    requestId: "",
    metadata: {},
    begunAt: 0,
    deadline: 0,
  };
  const other = { ...call, method: { ...SAY, name: "Test.other" } };
  const [first, second, third] = [call, call, call].map(stats.interceptor);
  stats.interceptor(other);
  first?.("done", call, 7);
  second?.("PasswordError", call, 7);
  const say = stats.methods.get("Test.say");
  expect(say).toMatchObject({ calls: 2, inFlight: 1, errors: { PasswordError: 1 } });
  third?.("PasswordError", call, 7);
  expect(say).toMatchObject({ calls: 3, inFlight: 0, errors: { PasswordError: 2 } });
  expect(stats.methods.get("Test.other")).toMatchObject({ calls: 0, inFlight: 1, errors: {} });
});
