import { heapSize } from "bun:jsc";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { FailureLevels, MAX_LEVELS } from "./failure-levels.ts";

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

function levels(max?: number) {
  const clock = { ms: 1_000 };
  return { clock, levels: new FailureLevels(max, () => clock.ms) };
}

describe("FailureLevels", () => {
  test("a level sinks as time passes, down to 0", () => {
    const { clock, levels: known } = levels();
    expect(known.get("a")).toBe(0);
    known.set("a", 500);
    expect(known.get("a")).toBe(500);
    clock.ms += 499;
    expect(known.get("a")).toBe(1);
    clock.ms += 1;
    expect(known.get("a")).toBe(0);
    clock.ms += 1_000;
    expect(known.get("a")).toBe(0);
  });

  test("a level of 0 is not kept", () => {
    const { levels: known } = levels();
    known.set("a", 500);
    known.set("a", 0);
    known.set("b", 0);
    expect(known.size).toBe(0);
  });

  test("if there are too many, those that were set longest ago are forgotten", () => {
    const { levels: known } = levels(100);
    for (let n = 0; n < 1_000; n++) {
      known.set(`${n}`, 500);
      known.set("often", 700);
      expect(known.size).toBeLessThanOrEqual(100);
      for (let recent = Math.max(0, n - 45); recent <= n; recent++) {
        expect(known.get(`${recent}`)).toBe(500);
      }
    }
    expect(known.get("often")).toBe(700);
    expect(known.get("800")).toBe(0);
  });

  test("a million keys use a bounded amount of memory", () => {
    const known = new FailureLevels();
    Bun.gc(true);
    const before = heapSize();
    for (let n = 0; n < 1_000_000; n++) {
      known.set(`account user${n}\nnetwork:203.0.${n % 256}.0/24`, 60_000);
    }
    Bun.gc(true);
    expect(known.size).toBeWithin(MAX_LEVELS / 2, MAX_LEVELS + 1);
    expect((heapSize() - before) / 1e6).toBeLessThan(40);
    expect(known.get("account user999999\nnetwork:203.0.63.0/24")).toBeGreaterThan(0);
  });

  test("forget() forgets the keys that begin like this", () => {
    const { levels: known } = levels();
    for (const key of ["account grace\na", "account grace\nb", "account gracey\na"]) {
      known.set(key, 500);
    }
    known.forget("account grace\n");
    expect(known.size).toBe(1);
    expect(known.get("account gracey\na")).toBe(500);
  });

  test("mayAsk() is true once per pause, and not right after a level was learnt", () => {
    const { clock, levels: known } = levels();
    expect(known.mayAsk("a", 100)).toBe(false);
    known.set("a", 5_000);
    expect(known.mayAsk("a", 100)).toBe(false);
    clock.ms += 100;
    expect(known.mayAsk("a", 100)).toBe(true);
    expect(known.mayAsk("a", 100)).toBe(false);
    clock.ms += 100;
    expect(known.mayAsk("a", 100)).toBe(true);
  });

  test("mayTell() is true again only after a pause without calls", () => {
    const { clock, levels: known } = levels();
    known.set("a", 5_000);
    expect(known.mayTell("a", 100)).toBe(true);
    for (let n = 0; n < 5; n++) {
      clock.ms += 99;
      known.set("a", 5_000);
      expect(known.mayTell("a", 100)).toBe(false);
    }
    clock.ms += 100;
    expect(known.mayTell("a", 100)).toBe(true);
  });
});
