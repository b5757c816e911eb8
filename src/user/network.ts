import { isIPv4, isIPv6 } from "node:net";

/** An IPv4 address in IPv6. */
const MAPPED = /^::ffff:(?=\d+\.)/i;
const GROUPS = 8;
const PREFIX_GROUPS = 3;

/**
 * The network of an IP address, which says roughly where a session is: `203.0.113.0/24` or
 * `2001:db8:1::/48`. Empty for a text that is no address.
 */
export function networkOf(address: string): string {
  const plain = address.replace(MAPPED, "");
  if (isIPv4(plain)) return plain.replace(/\d+$/, "0/24");
  if (!isIPv6(plain)) return "";
  const prefix = groupsOf(plain).slice(0, PREFIX_GROUPS);
  const numbers = prefix.map((group) => Number.parseInt(group, 16).toString(16));
  return `${numbers.join(":").replace(/(^0)?(:0)*$/, "")}::/48`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): string[] {
  // The zone, and an IPv4 address in the last two groups, are behind the prefix.
  const plain = address.replace(/%.*$/, "").replace(/[\d.]+\.\d+$/, "0:0");
  const [left = [], right = []] = plain.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array<string>(GROUPS - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right];
}
