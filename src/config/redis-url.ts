import { isDecodable } from "./values.ts";

const FORM = "redis-sentinel://user:password@host:port,host:port/number?sentinelMasterId=name";
const PARAMETERS = ["sentinelMasterId", "sentinelUsername", "sentinelPassword"];

/**
 * @returns the URL, which may name several Sentinels; for a cluster, a URL for each address,
 *   separated by commas. Addresses after the first may omit scheme and credentials, because they
 *   are the same for all.
 */
export function parseRedisUrl(value: string): string {
  if (/^\s*rediss?-sentinel:/i.test(value)) return parseSentinelUrl(value.trim());
  const [first = "", ...others] = value.split(",").map((part) => withPlainScheme(part.trim()));
  const shared = /^rediss?:\/\/([^/]*@)?/.exec(first)?.[0] ?? "";
  const urls = [first, ...others.map((part) => (part.includes("://") ? part : shared + part))];
  if (!urls.every(isRedisUrl)) {
    throw new Error(
      "must be redis://user:password@host:port/number, rediss://… or redis-sentinel://…; " +
        "in the password, write %2C for a comma, %3F for ? and %23 for #",
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

/** The form of lettuce, the client of Java. All parameters are checked here. */
function parseSentinelUrl(value: string): string {
  const url = value.replace(/^[^:]+/, (scheme) => scheme.toLowerCase());
  const [, head = "", hosts = "", tail = ""] =
    /^(rediss?-sentinel:\/\/(?:[^@,/?#]*@)?)([^@/?#]*)((?:[/?#].*)?)$/s.exec(url) ?? [];
  const sentinels = hosts.split(",").map((host) => URL.parse(`${head}${host.trim()}${tail}`));
  const isRight = (one: URL | null) =>
    one && one.hostname !== "" && /^(\/\d*)?$/.test(one.pathname) && isDecodable(one);
  const [first] = sentinels;
  if (!first || !sentinels.every(isRight) || first.hash !== "") {
    throw new Error(
      `must be ${FORM}; in the password, write %2C for a comma, %3F for ? and %23 for #`,
    );
  }
  const { searchParams } = first;
  for (const name of searchParams.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw new Error(`has a parameter after its "?" that is none of ${PARAMETERS.join(", ")}`);
    }
    if (searchParams.getAll(name).length > 1) throw new Error(`has ${name} more than once`);
  }
  if (!searchParams.get("sentinelMasterId")) {
    throw new Error(`must have the name of the master: ${FORM}`);
  }
  return `${head}${hosts.replace(/\s/g, "")}${tail}`;
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
