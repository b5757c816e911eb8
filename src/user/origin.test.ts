import { describe, expect, test } from "bun:test";
import { originOf } from "./origin.ts";

describe("originOf()", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7", "203.0.113.0/24", undefined],
    ["::ffff:203.0.113.7", "203.0.113.7", "203.0.113.0/24", undefined],
    ["::FFFF:cb00:7107", "203.0.113.7", "203.0.113.0/24", undefined],
    ["0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7", "203.0.113.0/24", undefined],
    ["2001:db8:1:2345::1", "2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"],
    [
      "2001:DB8:1:2345:ffff:1:2:3",
      "2001:db8:1:2345::/64",
      "2001:db8:1:2300::/56",
      "2001:db8:1::/48",
    ],
    [
      "2001:0db8:0001:2345:0:0:0:9",
      "2001:db8:1:2345::/64",
      "2001:db8:1:2300::/56",
      "2001:db8:1::/48",
    ],
    ["2001:db8:1:23ff::9", "2001:db8:1:23ff::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"],
    ["2001:db8:1:2400::9", "2001:db8:1:2400::/64", "2001:db8:1:2400::/56", "2001:db8:1::/48"],
    ["2001:db8::", "2001:db8:0:0::/64", "2001:db8:0:0::/56", "2001:db8:0::/48"],
    ["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0:0::/56", "fe80:0:0::/48"],
    ["::1.2.3.4", "0:0:0:0::/64", "0:0:0:0::/56", "0:0:0::/48"],
    ["unknown", "unknown", "unknown", undefined],
    ["", "", "", undefined],
    ["1.2.3", "1.2.3", "1.2.3", undefined],
  ])("%s counts as %s in %s of %p", (text, address, network, site) => {
    expect(originOf(text)).toEqual({ address, network, site, isLoopback: false });
  });

  test.each(["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])(
    "%s is this machine",
    (address) => {
      expect(originOf(address).isLoopback).toBe(true);
    },
  );

  test.each(["128.0.0.1", "1::1", "::2", "12.7.0.1", "::ffff:1.2.3.4"])(
    "%s is another machine",
    (address) => {
      expect(originOf(address).isLoopback).toBe(false);
    },
  );
});
