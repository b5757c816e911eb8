import { describe, expect, test } from "bun:test";
import { rpcCommand } from "./commands.ts";
import { calledHost, isLoopback } from "./hosts.ts";
import { HTTP_TIER } from "./http.ts";
import { ConfigError, type Loader, load } from "./load.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

// Where the tiers listen, whom they call, and what they ask for before others can.

function problemsOf(loader: Loader<object>, environment: Environment): string[] {
  try {
    load(loader, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const RPC_TOKEN = "0123456789abcdef";

describe("HTTP_HOST", () => {
  test.each([
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "fe80::1%eth0",
    "localhost",
    "web-1.internal",
    "a_b",
  ])("may be %s", (host) => {
    expect(load(HTTP_TIER, { HTTP_HOST: host }).http.host).toBe(host);
    expect(load(HTTP_TIER, { HTTP_HOST: ` ${host}\n` }).http.host).toBe(host);
  });

  test.each([
    ["[::1]", "write it without brackets: ::1"],
    ["[::]", "write it without brackets: ::"],
    ["http://127.0.0.1", "must be a host alone, without a scheme"],
    ["127.0.0.1:9090", "must be a host alone: set the port with "],
    ["[::1]:9090", "must be a host alone: set the port with "],
    ["localhost:", "must be a host alone: set the port with "],
    ["one two", "must be one host, without blanks"],
    ["*", "write 0.0.0.0 or :: for every address of this machine"],
    ["9090", "is not an IP address"],
    ["256.1.1.1", "is not an IP address"],
    ["one/two", "must be a host name or an IP address"],
    ["-one", "must be a host name or an IP address"],
    ["::1::", "must be a host name or an IP address"],
  ])("is the only variable that the message names for %s", (host, why) => {
    expect(problemsOf(HTTP_TIER, { HTTP_HOST: host })).toEqual([
      expect.stringContaining(`HTTP_HOST is "${host}": ${why}`),
    ]);
    const [problem, ...others] = problemsOf(TCP_TIER, { RPC_HOST: host });
    expect(problem).toContain(`RPC_HOST is "${host}": ${why}`);
    expect(others).toEqual([]);
  });
});

describe("RPC_ADDRESSES", () => {
  test.each([
    ["tcp://one:1", "without a scheme"],
    ["one", "the port is missing"],
    ["::1", "an IPv6 address in brackets"],
    ["::1:9091", "an IPv6 address in brackets"],
    ["[one]:1", "must be host:port"],
    ["256.0.0.1:1", "must be host:port"],
    ["one:x", "must be host:port"],
    ["one:0", "a port is from 1 to 65535"],
    ["one:65536", "a port is from 1 to 65535"],
    ["", "is empty"],
  ])("is not %p", (RPC_ADDRESSES, why) => {
    expect(problemsOf(HTTP_TIER, { RPC_ADDRESSES })).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "localhost",
    "LOCALHOST.",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
  ])("needs no other variable for %s, which is this machine", (host) => {
    expect(isLoopback(host)).toBe(true);
    const RPC_ADDRESSES = host.includes(":") ? `[${host}]:1` : `${host}:1`;
    expect(problemsOf(HTTP_TIER, { RPC_ADDRESSES })).toEqual([]);
    expect(problemsOf(TCP_TIER, { RPC_HOST: host })).toEqual([]);
  });

  const FAR = [
    "10.0.0.1",
    "one",
    "127.evil.com",
    "localhost.evil.com",
    "0.0.0.0",
    "::",
    "::ffff:10.0.0.1",
    "1::1",
  ];

  test.each(FAR)("needs RPC_TOKEN and RPC_TLS_CA for %s", (host) => {
    const address = host.includes(":") ? `[${host}]:1` : `${host}:1`;
    const RPC_ADDRESSES = `127.0.0.1:1,${address}`;
    for (const loader of [HTTP_TIER, rpcCommand()]) {
      const [problem, ...others] = problemsOf(loader, { RPC_ADDRESSES });
      expect(others).toEqual([]);
      expect(problem).toMatch(/^RPC_ADDRESSES has \S+, which is not this machine: /);
      expect(problem).toEndWith(
        "set RPC_TOKEN and RPC_TLS_CA, or RPC_PLAINTEXT=allow on a trusted network",
      );
      expect(problemsOf(loader, { RPC_ADDRESSES, RPC_TOKEN }).join()).toContain(
        "set RPC_TLS_CA, or",
      );
      expect(problemsOf(loader, { RPC_ADDRESSES, RPC_PLAINTEXT: "allow" })).toEqual([]);
      expect(problemsOf(loader, { RPC_ADDRESSES, RPC_PLAINTEXT: "" })).toHaveLength(1);
    }
  });

  test.each(FAR)("RPC_HOST needs RPC_TOKEN and TLS for %s", (RPC_HOST) => {
    const [problem, ...others] = problemsOf(TCP_TIER, { RPC_HOST });
    expect(others).toEqual([]);
    expect(problem).toContain(
      "set RPC_TOKEN, RPC_TLS_CERT, and RPC_TLS_KEY. On a trusted network, RPC_PLAINTEXT=allow",
    );
    const trusted = { RPC_HOST, RPC_PLAINTEXT: "allow" };
    expect(problemsOf(TCP_TIER, trusted).join()).toContain(
      "which other machines can reach: set RPC_TOKEN",
    );
    expect(problemsOf(TCP_TIER, { ...trusted, RPC_TOKEN })).toEqual([]);
  });

  test("default to the TCP tier of this machine", () => {
    const addressesOf = (RPC_HOST: string) => load(HTTP_TIER, { RPC_HOST }).rpcAddresses;
    expect(addressesOf("0.0.0.0")).toEqual([{ host: "127.0.0.1", port: 9091 }]);
    expect(addressesOf("::")).toEqual([{ host: "::1", port: 9091 }]);
    expect(calledHost("one")).toBe("one");
    expect(problemsOf(HTTP_TIER, { RPC_HOST: "10.0.0.1" }).join()).toStartWith(
      `RPC_HOST has "10.0.0.1"`,
    );
  });
});
