import { describe, expect, test } from "bun:test";
import type { RetryLimits } from "../limits.ts";
import { DEFAULT_POOL_LIMITS } from "../limits.ts";
import { seededRandom, testSeed } from "../testing/seed.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A budget whose clock moves only if the test moves it. */
class Clocked {
  #nowMs = 1_000_000;
  readonly #budget: RetryBudget;

  constructor(limits: RetryLimits) {
    this.#budget = new RetryBudget(limits, () => this.#nowMs);
  }

  wait(ms: number): void {
    this.#nowMs += ms;
  }

  earn(calls: number): void {
    for (let n = 0; n < calls; n++) this.#budget.earn();
  }

  /** How many of `count` retries are allowed. */
  take(wanted: number): number {
    let taken = 0;
    for (let n = 0; n < wanted; n++) if (this.#budget.take()) taken++;
    return taken;
  }
}

const MANY = 100_000;
const { retryShare, retriesPerSecond, maxSavedRetries } = DEFAULT_POOL_LIMITS;

describe("the retry budget", () => {
  test("is 10 % of the calls and 100 a second, unless the config says otherwise", () => {
    expect([retryShare, retriesPerSecond]).toEqual([0.1, 100]);
  });

  test("allows maxSavedRetries at first, and then no more", () => {
    const budget = new Clocked(DEFAULT_POOL_LIMITS);
    expect(budget.take(MANY)).toBe(maxSavedRetries);
    expect(budget.take(1)).toBe(0);
  });

  test("allows one retry for ten calls, however quickly they come", () => {
    const budget = new Clocked({ ...DEFAULT_POOL_LIMITS, retriesPerSecond: 0 });
    budget.take(MANY);
    budget.earn(500);
    budget.wait(60_000);
    const taken = budget.take(MANY);
    expect(taken).toBeGreaterThanOrEqual(49); // 0.1 has no exact binary form.
    expect(taken).toBeLessThanOrEqual(50);
  });

  test("allows 100 retries a second without a call", () => {
    const budget = new Clocked(DEFAULT_POOL_LIMITS);
    budget.take(MANY);
    for (let second = 0; second < 20; second++) {
      budget.wait(1000);
      expect(budget.take(MANY)).toBe(100);
    }
  });

  test("allows them evenly, 1 in 10 ms, however often it is asked", () => {
    const budget = new Clocked(DEFAULT_POOL_LIMITS);
    budget.take(MANY);
    let taken = 0;
    for (let ms = 0; ms < 5000; ms++) {
      budget.wait(1);
      taken += budget.take(3);
    }
    expect(taken).toBeGreaterThanOrEqual(499);
    expect(taken).toBeLessThanOrEqual(500);
  });

  test.each<[string, (budget: Clocked) => void]>([
    ["a day without a retry", (budget) => budget.wait(86_400_000)],
    ["a million calls without a retry", (budget) => budget.earn(1_000_000)],
  ])("saves no more than its maximum in %s", (_, save) => {
    const budget = new Clocked(DEFAULT_POOL_LIMITS);
    budget.take(MANY);
    save(budget);
    expect(Math.abs(budget.take(MANY) - maxSavedRetries)).toBeLessThanOrEqual(1);
  });

  test("allows none if all its limits are 0", () => {
    const budget = new Clocked({ retryShare: 0, retriesPerSecond: 0, maxSavedRetries: 0 });
    budget.earn(1000);
    budget.wait(60_000);
    expect(budget.take(10)).toBe(0);
  });

  test("never allows more than was saved, earned by calls and granted over time", () => {
    const random = seededRandom(testSeed("retry budget"));
    for (let round = 0; round < 50; round++) {
      const limits = {
        retryShare: random() * 0.5,
        retriesPerSecond: random() * 200,
        maxSavedRetries: 1 + Math.floor(random() * 100),
      };
      const budget = new Clocked(limits);
      let most = limits.maxSavedRetries;
      let taken = 0;
      for (let step = 0; step < 200; step++) {
        const [calls, ms] = [Math.floor(random() * 20), random() * 100];
        budget.earn(calls);
        budget.wait(ms);
        most += calls * limits.retryShare + (ms / 1000) * limits.retriesPerSecond;
        taken += budget.take(Math.floor(random() * 30));
        expect(taken).toBeLessThanOrEqual(most + 0.001);
      }
    }
  });
});
