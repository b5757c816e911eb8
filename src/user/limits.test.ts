import { describe, expect, test } from "bun:test";
import {
  blockedMs,
  failuresLeft,
  highestLevelMs,
  LIMITS,
  type Limit,
  levelAfterFailureMs,
} from "./limits.ts";

/** How many failures a level stands for if they come without a pause. */
function after(limit: Limit, failures: number, levelMs = 0): number {
  for (let n = 0; n < failures; n++) levelMs = levelAfterFailureMs(limit, levelMs);
  return levelMs;
}

describe.each(Object.entries(LIMITS))("the limit %s", (_name, limit) => {
  const { burst, everyMs } = limit;

  test("allows its burst in a row, and no more", () => {
    for (let n = 0; n < burst; n++) {
      expect(blockedMs(limit, after(limit, n))).toBe(0);
      expect(failuresLeft(limit, after(limit, n))).toBe(burst - n);
    }
    expect(blockedMs(limit, after(limit, burst))).toBe(everyMs);
    expect(failuresLeft(limit, after(limit, burst))).toBe(0);
  });

  test("allows one more after each pause", () => {
    const full = after(limit, burst);
    expect(blockedMs(limit, full - everyMs + 1)).toBe(1);
    expect(failuresLeft(limit, full - everyMs + 1)).toBe(0);
    expect(blockedMs(limit, full - everyMs)).toBe(0);
    expect(failuresLeft(limit, full - everyMs)).toBe(1);
    expect(failuresLeft(limit, full - 2 * everyMs)).toBe(2);
  });

  test("counts failures beyond the burst, up to one more burst", () => {
    expect(blockedMs(limit, after(limit, burst + 1))).toBe(2 * everyMs);
    expect(after(limit, 3 * burst)).toBe(highestLevelMs(limit));
    expect(blockedMs(limit, highestLevelMs(limit))).toBe((burst + 1) * everyMs);
  });
});

test("the limits are those of docs/accounts.md", () => {
  const perHour = ({ everyMs }: Limit) => 3_600_000 / everyMs;
  const rows = Object.values(LIMITS).map((limit) => [limit.name, limit.burst, perHour(limit)]);
  expect(rows).toEqual([
    ["network", 10, 60],
    ["account", 30, 120],
    ["reserve", 2, 2],
    ["site_reserve", 8, 8],
    ["device", 10, 10],
    ["devices", 50, 60],
    ["session", 10, 10],
    ["address", 50, 600],
    ["site", 1_000, 12_000],
    ["sign_ups", 10, 10],
    ["site_sign_ups", 200, 200],
  ]);
});
