import { describe, expect, test } from "bun:test";
import { join } from "node:path";
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

test("the limits are those of docs/accounts.md", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/accounts.md")).text();
  const rows = [...page.matchAll(/ \| `(\w+)` \| ([\d,]+) \| (?:([\d.]+) )?(s|minutes?) \|$/gm)];
  const documented = rows.map(([, name, burst = "", count = "1", unit]) => {
    return [name, Number(burst.replace(",", "")), Number(count) * (unit === "s" ? 1_000 : 60_000)];
  });
  const limits = Object.values(LIMITS).map(({ name, burst, everyMs }) => [name, burst, everyMs]);
  expect(documented.sort()).toEqual(limits.sort());
});
