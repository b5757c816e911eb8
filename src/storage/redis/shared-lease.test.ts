import { expect, test } from "bun:test";
import { SharedLease } from "./shared-lease.ts";

/** Long enough that nothing here ends by itself. */
const LONG_MS = 3_600_000;

test("whoever comes while a lease is asked for gets that one, and so does who comes after", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let asked = 0;
  const shared = new SharedLease(LONG_MS, () => {
    asked++;
    return promise;
  });
  const early = [shared.get(), shared.get()];
  resolve("first");
  expect(await Promise.all([...early, shared.get()])).toEqual(["first", "first", "first"]);
  expect(await shared.get()).toBe("first");
  expect(asked).toBe(1);
});

test("one that fails is everybody's failure who waited, and the next asks anew", async () => {
  let asked = 0;
  const shared = new SharedLease(LONG_MS, async () => {
    if (++asked === 1) throw new Error("away");
    return `lease ${asked}`;
  });
  const outcomes = await Promise.allSettled([shared.get(), shared.get()]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await shared.get()).toBe("lease 2");
});

test("where none can be had, nobody asks for a while", async () => {
  let asked = 0;
  const shared = new SharedLease(LONG_MS, async () => void asked++);
  expect([await shared.get(), await shared.get()]).toEqual([undefined, undefined]);
  expect(asked).toBe(1);
});

test("another is asked for long before one ends, counted from when it was asked for", async () => {
  const leaseMs = 400;
  let asked = 0;
  const shared = new SharedLease(leaseMs, async () => {
    asked++;
    await Bun.sleep(leaseMs / 2);
    return `lease ${asked}`;
  });
  expect(await shared.get()).toBe("lease 1");
  expect(await shared.get()).toBe("lease 2");
});
