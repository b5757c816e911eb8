import { describe, expect, test } from "bun:test";
import { SEED } from "./commands.ts";
import { ConfigError, type Loader, load } from "./load.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

function problemOf(loader: Loader<object>, environment: Environment): string {
  try {
    load(loader, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("PASSWORD_MIN, PASSWORD_MAX and PASSWORD_STRICT", () => {
  test.each([
    [{}, { min: 4, max: 13, isStrict: false }],
    [{ PASSWORD_STRICT: "on" }, { min: 8, max: 13, isStrict: true }],
    [
      { PASSWORD_STRICT: "on", PASSWORD_MIN: "6" },
      { min: 6, max: 13, isStrict: true },
    ],
    [
      { PASSWORD_STRICT: "on", PASSWORD_MIN: " " },
      { min: 8, max: 13, isStrict: true },
    ],
    [
      { PASSWORD_MIN: "10", PASSWORD_MAX: "10" },
      { min: 10, max: 10, isStrict: false },
    ],
  ])("%p are the rules of new passwords", (environment, rules) => {
    expect(load(TCP_TIER, environment).passwordRules).toEqual(rules);
  });

  test.each([
    [{ PASSWORD_MIN: "3" }, 'PASSWORD_MIN is "3": must be a whole number from 4 to 13'],
    [{ PASSWORD_MAX: "14" }, 'PASSWORD_MAX is "14": must be a whole number from 4 to 13'],
    [{ PASSWORD_STRICT: "yes" }, 'PASSWORD_STRICT is "yes": must be on, or not set'],
    [
      { PASSWORD_MIN: "9", PASSWORD_MAX: "8" },
      'PASSWORD_MAX is "8": must be 9 or more, as the shortest password is',
    ],
    [
      { PASSWORD_STRICT: "on", PASSWORD_MAX: "7" },
      'PASSWORD_MAX is "7": must be 8 or more, as the shortest password is',
    ],
  ])("cannot be %p", (environment, problem) => {
    expect(problemOf(TCP_TIER, environment)).toBe(problem);
  });
});

describe("PASSWORD_PEPPER", () => {
  const NEW = "0123456789abcdef";
  const OLD = "pass:word=with/signs 🌶";

  test("is none by default, and a list whose first entry is for new hashes", () => {
    expect(load(TCP_TIER, {}).peppers).toEqual([]);
    const PASSWORD_PEPPER = `2026:${NEW}, old_Key-16-chars:${OLD}`;
    for (const loader of [TCP_TIER, SEED]) {
      expect(load(loader, { PASSWORD_PEPPER }).peppers).toEqual([
        { id: "2026", secret: NEW },
        { id: "old_Key-16-chars", secret: OLD },
      ]);
    }
  });

  test.each([
    ["s3cret-s3cret-s3cret", "entry 1 is not"],
    [`2026:${NEW},`, "entry 2 is not"],
    [`:${NEW}`, "entry 1 is not"],
    [`a.b:${NEW}`, "entry 1 is not"],
    [`${"x".repeat(17)}:${NEW}`, "entry 1 is not"],
    [`2026:${NEW},2025:s3cret`, "of 16 characters or more: entry 2 is shorter"],
    [`2026:${NEW},2026:${NEW}s3cret`, "must not have the same id twice"],
  ])("cannot be %p", (PASSWORD_PEPPER, why) => {
    for (const loader of [TCP_TIER, SEED]) {
      const problem = problemOf(loader, { PASSWORD_PEPPER });
      expect(problem).toMatch(/^PASSWORD_PEPPER must /);
      expect(problem).toEndWith(why);
      expect(problem).not.toContain("s3cret");
      expect(problem).not.toContain(NEW);
    }
  });

  test("does not work with the classic scheme", () => {
    const PASSWORD_PEPPER = `2026:${NEW}`;
    for (const loader of [TCP_TIER, SEED]) {
      expect(problemOf(loader, { PASSWORD_PEPPER, PASSWORD_HASH: "salted-md5" })).toBe(
        "PASSWORD_PEPPER does not work with PASSWORD_HASH=salted-md5: use argon2id",
      );
      expect(problemOf(loader, { PASSWORD_PEPPER, PASSWORD_HASH: "md5" })).not.toContain("PEPPER");
    }
  });
});
