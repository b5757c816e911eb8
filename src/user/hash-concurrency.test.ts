import { describe, expect, test } from "bun:test";
import { adaptiveConcurrency } from "./hash-concurrency.ts";

/** Four cores, of which others leave `left` to threads that hash. */
class Cores {
  readonly cores = 4;
  left: number;
  #nowMs = 0;
  #leftMs = 0;

  constructor(left: number) {
    this.left = left;
  }

  readonly nowMs = () => this.#nowMs;
  readonly idleOrHashingMs = () => this.#leftMs;

  pass(timeMs: number): void {
    this.#nowMs += timeMs;
    this.#leftMs += timeMs * this.left;
  }
}

describe("adaptiveConcurrency()", () => {
  test.each([
    { left: 4, told: 8 },
    { left: 3.3, told: 8 },
    { left: 3.2, told: 3 },
    { left: 1.3, told: 2 },
    { left: 1.2, told: 1 },
    { left: 0, told: 1 },
  ])("of four cores $left are left: $told at once", ({ left, told }) => {
    const cores = new Cores(left);
    const concurrency = adaptiveConcurrency(cores);
    expect(concurrency(true)).toBe(8);
    for (const timeMs of [500, 10_000]) {
      cores.pass(timeMs);
      expect(concurrency(true)).toBe(told);
    }
  });

  test("only what was left since the last time counts", () => {
    const cores = new Cores(0.5);
    const concurrency = adaptiveConcurrency(cores);
    concurrency(true);
    cores.pass(60_000);
    // Nothing was to be hashed meanwhile.
    expect(concurrency(false)).toBe(8);
    cores.left = 4;
    cores.pass(500);
    expect(concurrency(true)).toBe(8);
    cores.left = 0.5;
    cores.pass(500);
    expect(concurrency(true)).toBe(1);
    // So soon nothing is measured anew.
    cores.left = 4;
    cores.pass(200);
    expect(concurrency(true)).toBe(1);
    cores.left = 1.8;
    cores.pass(200);
    expect(concurrency(true)).toBe(3);
  });

  test("where nobody counts, there are two for each core", () => {
    const concurrency = adaptiveConcurrency({
      ...new Cores(0),
      idleOrHashingMs: () => undefined,
    });
    expect(concurrency(true)).toBe(8);
    expect(concurrency(true)).toBe(8);
  });

  test("one core has a hash behind the one that runs, whatever is left", () => {
    const cores = new Cores(0);
    const concurrency = adaptiveConcurrency({ ...cores, cores: 1 });
    concurrency(true);
    cores.pass(500);
    expect(concurrency(true)).toBe(2);
  });
});
