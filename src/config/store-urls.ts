import { readAuthority, readCertificate, readPrivateKey } from "./certificates.ts";
import { isDecodable } from "./values.ts";

// DATABASE_URL and REDIS_URL. Drivers ignore parameters that they do not know, even those for TLS,
// so everything in a URL is checked here.

/** MySQL's own modes: whether a connection is encrypted, and how the certificate is verified. */
const SSL_MODES = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];
const SSL_FILES = ["ssl-ca", "ssl-cert", "ssl-key"] as const;
const PARAMETERS = ["ssl-mode", ...SSL_FILES];

/** @returns the URL as it was given */
export function parseDatabaseUrl(value: string): string {
  const url = URL.parse(value);
  const isOurs =
    url?.protocol === "mysql:" && url.hostname !== "" && url.pathname.length > 1 && url.hash === "";
  if (!url || !isOurs || !isDecodable(url)) {
    throw new Error("must be mysql://user:password@host:port/database");
  }
  checkParameters(url);
  return value;
}

function checkParameters({ search }: URL): void {
  // Keep plus signs: URLSearchParams reads them as spaces, as in a form.
  const parameters = new URLSearchParams(search.replaceAll("+", "%2B"));
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw new Error(`has "${name}" after its "?": must be one of ${PARAMETERS.join(", ")}`);
    }
    if (parameters.getAll(name).length > 1) throw new Error(`has ${name} more than once`);
  }
  const mode = parameters.get("ssl-mode");
  // MySQL's own programs ignore the case, too.
  if (mode !== null && !SSL_MODES.includes(mode.toUpperCase())) {
    throw new Error(`has ssl-mode=${mode}: must be one of ${SSL_MODES.join(", ")}`);
  }
  const file = <T>(name: (typeof SSL_FILES)[number], read: (path: string) => T): T | undefined =>
    readFileOf(name, parameters.get(name), read);
  const ca = file("ssl-ca", (path) => readAuthority(path));
  const cert = file("ssl-cert", (path) => readCertificate(path));
  const key = file("ssl-key", (path) => readPrivateKey(path));
  if (mode?.toUpperCase().startsWith("VERIFY_") && ca === undefined) {
    throw new Error(`has ssl-mode=${mode}, which needs ssl-ca`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error("must have both ssl-cert and ssl-key, or neither");
  }
  if (cert && key && !cert.leaf.checkPrivateKey(key.key)) {
    throw new Error("has an ssl-key that is not the one of its ssl-cert");
  }
}

function readFileOf<T>(name: string, path: string | null, read: (path: string) => T) {
  try {
    return path === null ? undefined : read(path);
  } catch (error) {
    throw new Error(`has ${name}, which ${error instanceof Error ? error.message : error}`);
  }
}

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
