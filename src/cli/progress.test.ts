import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { count, duration, rateOf } from "./layout.ts";
import { Progress } from "./progress.ts";

test("progress is a line now and then if the output is not a terminal", async () => {
  const output = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: false });
  const progress = new Progress(4_000_000, 1_000_000, output, 0);
  await Bun.sleep(20);
  progress.update(2_000_000);
  progress.end();
  expect(output.read()).toMatch(/^2,000,000 of 4,000,000 rows {2}[\d,]+ rows\/s {2}1s left\n$/);
  const quiet = new Progress(4_000_000, 0, output);
  quiet.update(2_000_000);
  expect(output.read()).toBeNull();
});

test("numbers have separators, durations have units", () => {
  expect(count(1234567.8)).toBe("1,234,568");
  expect([0, 0.2, 59.5, 61, 3600, 3661].map(duration)).toEqual([
    "0s",
    "1s",
    "1m 0s",
    "1m 1s",
    "1h",
    "1h 1m",
  ]);
  expect(rateOf(500, 250)).toBe(2000);
  expect(rateOf(0, 0)).toBe(0);
});
