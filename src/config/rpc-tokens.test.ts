import { describe, expect, test } from "bun:test";
import { ConfigError, load } from "./load.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

const SECRET = "a-token_of-some-length";

const tokensOf = (environment: Environment) =>
  Object.fromEntries(load(TCP_TIER, environment).rpcTokens);

function problemOf(environment: Environment): string {
  try {
    load(TCP_TIER, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error instanceof Error ? error.message : "";
  }
  return "none";
}

describe("RPC_TOKENS", () => {
  test("gives each caller its secrets, in their order, and RPC_TOKEN is the first of http", () => {
    expect(tokensOf({})).toEqual({});
    expect(tokensOf({ RPC_TOKEN: SECRET })).toEqual({ http: [SECRET] });
    const RPC_TOKENS = `admin:${SECRET}:1, http:${SECRET}2 ,admin:${SECRET}3,admin:${SECRET}3`;
    expect(tokensOf({ RPC_TOKEN: SECRET, RPC_TOKENS })).toEqual({
      http: [SECRET, `${SECRET}2`],
      admin: [`${SECRET}:1`, `${SECRET}3`],
    });
  });

  test.each([
    ["no name", SECRET, "entry 1 has no such name"],
    ["an empty name", `:${SECRET}`, "entry 1 has no such name"],
    ["a name in capitals", `http:${SECRET}1,Admin:${SECRET}`, "entry 2 has no such name"],
    ["a long name", `${"a".repeat(33)}:${SECRET}`, "entry 1 has no such name"],
    ["a comma at its end", `http:${SECRET},`, "entry 2 has no such name"],
    ["a short secret", `http:${SECRET},admin:s3cret`, "16 characters or more in entry 2"],
    ["no secret", "admin:", "16 characters or more in entry 1"],
    ["too many secrets", Array.from("123456789", (n) => `admin:${SECRET}${n}`).join(), "at most 8"],
    ["one secret of two callers", `http:${SECRET},admin:${SECRET}`, "one secret to two callers"],
  ])("with %s is refused, without its secrets", (_, RPC_TOKENS, why) => {
    const problem = problemOf({ RPC_TOKENS });
    expect(problem).toMatch(/^RPC_TOKENS [^\n]*$/);
    expect(problem).toContain(why);
    expect(problem).not.toContain(SECRET);
    expect(problem).not.toContain("s3cret");
  });

  test("is refused if a secret of another caller is that of RPC_TOKEN", () => {
    const environment = { RPC_TOKEN: SECRET, RPC_TOKENS: `admin:${SECRET}` };
    expect(problemOf(environment)).toContain("one secret to two callers");
  });

  test("lets RPC_HOST be beyond loopback only if http has a secret", () => {
    const far = { RPC_HOST: "10.0.0.1", RPC_PLAINTEXT: "allow" };
    const missing = "which other machines can reach: set RPC_TOKEN";
    expect(problemOf({ ...far, RPC_TOKENS: `admin:${SECRET}` })).toContain(missing);
    expect(problemOf({ ...far, RPC_TOKENS: `http:${SECRET}` })).toBe("none");
  });
});
