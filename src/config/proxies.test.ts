import { describe, expect, test } from "bun:test";
import { HTTP_TIER } from "./http.ts";
import { ConfigError, load } from "./load.ts";

function trusts(TRUSTED_PROXIES: string, address: string): boolean | undefined {
  const { trustedProxies } = load(HTTP_TIER, { TRUSTED_PROXIES });
  return trustedProxies?.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

function problem(TRUSTED_PROXIES: string): string {
  try {
    load(HTTP_TIER, { TRUSTED_PROXIES });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("TRUSTED_PROXIES", () => {
  test("if not set or empty, trusts nothing", () => {
    expect(load(HTTP_TIER, { TRUSTED_PROXIES: "" }).trustedProxies).toBeUndefined();
    expect(load(HTTP_TIER, {}).trustedProxies).toBeUndefined();
  });

  test("takes addresses and blocks of both families, and the names of networks", () => {
    const list = "192.0.2.7, 10.0.0.0/8,2001:db8::/32 , ::1";
    const inside = ["192.0.2.7", "10.200.1.1", "2001:db8:1::1", "::1"];
    const outside = ["192.0.2.8", "11.0.0.1", "2001:db9::1", "::2", "127.0.0.1"];
    expect(inside.filter((address) => trusts(list, address))).toEqual(inside);
    expect(outside.filter((address) => trusts(list, address))).toEqual([]);
    const named = ["127.0.0.1", "127.9.9.9", "::1"];
    expect(named.filter((address) => trusts("Loopback", address))).toEqual(named);
    const own = ["10.1.1.1", "172.31.0.1", "192.168.0.1", "fd00::1"];
    expect(own.filter((address) => trusts("private", address))).toEqual(own);
    const foreign = ["127.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "fe80::1", "8.8.8.8"];
    expect(foreign.filter((address) => trusts("private", address))).toEqual([]);
    expect(trusts("loopback,private", "127.0.0.1")).toBe(true);
  });

  test("says what is wrong with an entry", () => {
    const wrong: Record<string, string> = {
      "nginx.internal": "must be an IP address or a CIDR block",
      "10.0.0": "must be an IP address or a CIDR block",
      "10.0.0.0/8/8": "must be an IP address or a CIDR block",
      "fe80::1%eth0": "must be an IP address or a CIDR block",
      "10.0.0.0/33": "from 1 to 32",
      "10.0.0.0/": "from 1 to 32",
      "10.0.0.0/x": "from 1 to 32",
      "fd00::/129": "from 1 to 128",
      "0.0.0.0/0": "trusts every client",
      "::/0": "trusts every client",
      "::ffff:10.0.0.1": "write it as IPv4",
      "10.0.0.1,,10.0.0.2": "an entry is empty",
      "10.0.0.1,": "an entry is empty",
    };
    for (const [value, why] of Object.entries(wrong)) {
      expect(problem(value)).toContain(why);
      expect(problem(value)).toStartWith("TRUSTED_PROXIES ");
    }
    expect(problem("loopback, nginx.internal")).toContain('has "nginx.internal"');
  });
});
