import { BlockList, isIP, isIPv6 } from "node:net";
import { shown } from "./values.ts";

/** Names that stand for the blocks of a network. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1"],
  /** RFC 1918 and RFC 4193. */
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};
const MAX_PREFIX = { ipv4: 32, ipv6: 128 };

/** Addresses, CIDR blocks and the names above, separated by commas. */
export function parseTrustedProxies(value: string): BlockList {
  const proxies = new BlockList();
  for (const part of value.split(",").map((text) => text.trim())) {
    for (const block of NETWORKS[part.toLowerCase()] ?? [part]) add(proxies, block);
  }
  return proxies;
}

function add(proxies: BlockList, block: string): void {
  const why = whyNoBlock(block);
  if (why !== undefined) throw new Error(`has "${shown(block)}": ${why}`);
  const [address = "", prefix] = block.split("/");
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  proxies.addSubnet(address, Number(prefix ?? MAX_PREFIX[family]), family);
}

function whyNoBlock(block: string): string | undefined {
  const [address = "", prefix, ...more] = block.split("/");
  if (block === "") return "an entry is empty; separate addresses by one comma";
  if (isIP(address) === 0 || address.includes("%") || more.length > 0) {
    const examples = "such as 10.0.0.7, 10.0.0.0/8 or fd00::/8";
    return `must be an IP address or a CIDR block, ${examples}, or ${namesOf(NETWORKS)}`;
  }
  if (/^::ffff:[\d.]+$/i.test(address)) return "write it as IPv4, without ::ffff:";
  if (prefix === undefined) return undefined;
  const longest = isIPv6(address) ? MAX_PREFIX.ipv6 : MAX_PREFIX.ipv4;
  if (prefix === "0") return "this trusts every client, so each could choose its own address";
  if (/^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= longest) {
    return undefined;
  }
  return `the number after the slash must be from 1 to ${longest}`;
}

function namesOf(networks: object): string {
  return Object.keys(networks).join(" or ");
}
