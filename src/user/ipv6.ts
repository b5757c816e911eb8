import { isIPv6 } from "node:net";

/** The eight groups of an IPv6 address; undefined if it is none. */
export function groupsOf(address: string): number[] | undefined {
  if (!isIPv6(address)) return undefined;
  const [head = [], tail] = address.replace(/%.*/, "").split("::").map(numbersOf);
  if (tail === undefined) return head;
  while (head.length + tail.length < 8) head.push(0);
  return [...head, ...tail];
}

function numbersOf(groups: string): number[] {
  if (groups === "") return [];
  const numbers: number[] = [];
  for (const group of groups.split(":")) {
    if (!group.includes(".")) {
      numbers.push(Number.parseInt(group, 16));
    } else {
      const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
      numbers.push((a << 8) | b, (c << 8) | d);
    }
  }
  return numbers;
}

/** The IPv4 address in IPv6, as in `::ffff:203.0.113.7`; undefined if the groups hold none. */
export function mappedIpv4(groups: readonly number[]): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  if ((a | b | c | d | e) !== 0 || f !== 0xffff) return undefined;
  return `${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`;
}
