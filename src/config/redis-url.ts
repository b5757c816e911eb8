import { isDecodable } from "./values.ts";

/**
 * @returns the URL, or of a cluster a URL for each address, by commas: those after the first may
 *   leave scheme and credentials out, as they are the same for all
 */
export function parseRedisUrl(value: string): string {
  const [first = "", ...others] = value.split(",").map((part) => withPlainScheme(part.trim()));
  const shared = /^rediss?:\/\/([^/]*@)?/.exec(first)?.[0] ?? "";
  const urls = [first, ...others.map((part) => (part.includes("://") ? part : shared + part))];
  if (!urls.every(isRedisUrl)) {
    throw new Error(
      "must be redis://user:password@host:port/number or rediss://…, %2C for a comma, " +
        "%3F for ? and %23 for #",
    );
  }
  if (urls.length === 1) return withoutParameters(first);
  if (!urls.every((url) => url.startsWith(shared) && !url.slice(shared.length).includes("@"))) {
    throw new Error("must have one scheme and the same credentials for all nodes of the cluster");
  }
  const tails = urls.map((url) => new URL(url)).map(({ pathname, search }) => pathname + search);
  if (!tails.every((tail) => /^(\/0?)?$/.test(tail))) {
    throw new Error("must end with the addresses: a cluster has no database but number 0");
  }
  return urls.map(withoutParameters).join(",");
}

/** A scheme may be in capitals, which the driver would not take for one with TLS. */
function withPlainScheme(url: string): string {
  return url.replace(/^rediss?:/i, (scheme) => scheme.toLowerCase());
}

/** The driver would take them for its own options, and ignore those that it does not know. */
function withoutParameters(url: string): string {
  if (!/[?#]/.test(url)) return url;
  throw new Error(
    "must have no parameters (?…) and no fragment (#…): rediss:// is all that TLS takes",
  );
}

function isRedisUrl(value: string): boolean {
  const url = URL.parse(value);
  if (!url || !/^rediss?:$/.test(url.protocol) || !/^(\/\d*)?$/.test(url.pathname)) return false;
  return url.hostname !== "" && isDecodable(url);
}
