import { isIPv4 } from "node:net";
import { groupsOf, mappedIpv4 } from "./ipv6.ts";

/** Where a request comes from, as the throttle counts it. */
export interface Origin {
  /** The IPv4 address, or the /64 of an IPv6 address: one customer has a whole /64. */
  readonly address: string;
  /** The addresses that one attacker or household can often choose from: a /24 or a /56. */
  readonly network: string;
  /** The /48 of an IPv6 address: an organisation often has a whole one. Undefined for others. */
  readonly site: string | undefined;
  /** Whether the address is that of this machine, so that all its users have it. */
  readonly isLoopback: boolean;
}

/**
 * @param address IPv4 in IPv6 counts as IPv4, and a zone does not count. A text that is no address
 *   is an origin of its own.
 */
export function originOf(address: string): Origin {
  if (!address.includes(":")) return isIPv4(address) ? ipv4Origin(address) : unknownOrigin(address);
  const groups = groupsOf(address);
  if (!groups) return unknownOrigin(address);
  const mapped = mappedIpv4(groups);
  if (mapped !== undefined) return ipv4Origin(mapped);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const site = `${hex(a)}:${hex(b)}:${hex(c)}:`;
  return {
    address: `${site}${hex(d)}::/64`,
    network: `${site}${hex(d & 0xff00)}::/56`,
    site: `${site}:/48`,
    isLoopback: (a | b | c | d | e | f | g) === 0 && h === 1,
  };
}

function ipv4Origin(address: string): Origin {
  const network = `${address.slice(0, address.lastIndexOf("."))}.0/24`;
  return { address, network, site: undefined, isLoopback: address.startsWith("127.") };
}

function unknownOrigin(address: string): Origin {
  return { address, network: address, site: undefined, isLoopback: false };
}

function hex(group: number): string {
  return group.toString(16);
}
