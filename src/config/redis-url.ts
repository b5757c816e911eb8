import { isDecodable } from "./values.ts";

/**
 * @returns the URL; for a cluster, a URL for each address, separated by commas. Addresses after the
 *   first may omit scheme and credentials, because they are the same for all.
 */
export function parseRedisUrl(value: string): string {
  const [first = "", ...others] = value.split(",").map((part) => withPlainScheme(part.trim()));
  const shared = /^rediss?:\/\/([^/]*@)?/.exec(first)?.[0] ?? "";
  const urls = [first, ...others.map((part) => (part.includes("://") ? part : shared + part))];
  if (!urls.every(isRedisUrl)) {
    throw new Error(
      "must be redis://user:password@host:port/number or rediss://…; in the password, write " +
        "%2C for a comma, %3F for ? and %23 for #",
    );
  }
  if (urls.length === 1) return withoutParameters(first);
  if (!urls.every((url) => url.startsWith(shared) && !url.slice(shared.length).includes("@"))) {
    throw new Error("must have one scheme and the same credentials for all nodes of the cluster");
  }
  const tails = urls.map((url) => new URL(url)).map(({ pathname, search }) => pathname + search);
  if (!tails.every((tail) => /^(\/0?)?$/.test(tail))) {
    throw new Error("must end with the addresses: a cluster has only database number 0");
  }
  return urls.map(withoutParameters).join(",");
}

/** A scheme may be in capitals. The driver would not recognize `REDISS:` as TLS. */
function withPlainScheme(url: string): string {
  return url.replace(/^rediss?:/i, (scheme) => scheme.toLowerCase());
}

/** The driver would use parameters as its own options, and ignore those that it does not know. */
function withoutParameters(url: string): string {
  if (!/[?#]/.test(url)) return url;
  throw new Error("must have no parameters (?…) and no fragment (#…); for TLS, write rediss://");
}

function isRedisUrl(value: string): boolean {
  const url = URL.parse(value);
  if (!url || !/^rediss?:$/.test(url.protocol) || !/^(\/\d*)?$/.test(url.pathname)) return false;
  return url.hostname !== "" && isDecodable(url);
}
