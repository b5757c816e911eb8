import { expect, test } from "bun:test";
import { RefusalDelay } from "./refusal-delay.ts";

const NEVER_MS = 1_000_000;

/** How many of these have resolved. No timer ends while it counts. */
async function resolved(waits: readonly Promise<void>[]): Promise<number> {
  let count = 0;
  for (const wait of waits) void wait.then(() => count++);
  for (let n = 0; n < 10; n++) await undefined;
  return count;
}

test("RefusalDelay delays no more answers at once than its limit", async () => {
  const delay = new RefusalDelay(NEVER_MS, 3);
  const waits = Array.from({ length: 5 }, () => delay.wait());
  expect(await resolved(waits)).toBe(2);
  delay.end();
  await Promise.all(waits);
});

test("RefusalDelay.end() ends all delays, and later answers are not delayed", async () => {
  const delay = new RefusalDelay(NEVER_MS);
  const waits = [delay.wait(), delay.wait()];
  expect(await resolved(waits)).toBe(0);
  delay.end();
  expect(await resolved([...waits, delay.wait()])).toBe(3);
});

test("RefusalDelay gives a place back", async () => {
  const delay = new RefusalDelay(1, 1);
  await delay.wait();
  const second = delay.wait();
  expect(await resolved([second])).toBe(0);
  await second;
});
