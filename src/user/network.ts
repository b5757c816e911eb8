import { isIPv4 } from "node:net";
import { groupsOf, mappedIpv4 } from "./ipv6.ts";

const PREFIX_GROUPS = 3;

/**
 * The network of an IP address, which says roughly where a session is: `203.0.113.0/24` or
 * `2001:db8:1::/48`. Empty for a text that is no address.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address.replace(/\d+$/, "0/24");
  const groups = groupsOf(address);
  if (!groups) return "";
  const mapped = mappedIpv4(groups);
  if (mapped !== undefined) return networkOf(mapped);
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.toString(16));
  return `${prefix.join(":").replace(/(^0)?(:0)*$/, "")}::/48`;
}
