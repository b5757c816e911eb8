import { expect, test } from "bun:test";
import { SharedLease } from "./shared-lease.ts";

/** Long enough that no lease ends during a test. */
const LONG_MS = 3_600_000;

test("calls during and after a request share its lease", async () => {
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

test("a request that fails rejects all calls that waited; the next call requests again", async () => {
  let asked = 0;
  const shared = new SharedLease(LONG_MS, async () => {
    if (++asked === 1) throw new Error("away");
    return `lease ${asked}`;
  });
  const outcomes = await Promise.allSettled([shared.get(), shared.get()]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await shared.get()).toBe("lease 2");
});

test("if no lease is granted, the next calls do not request one", async () => {
  let asked = 0;
  const shared = new SharedLease(LONG_MS, async () => void asked++);
  expect([await shared.get(), await shared.get()]).toEqual([undefined, undefined]);
  expect(asked).toBe(1);
});

test("a new lease is requested long before the last one ends, counted from its request", async () => {
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
