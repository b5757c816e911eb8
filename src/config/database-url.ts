import { databaseUrls } from "../storage/mysql/host-urls.ts";
import { readAuthority, readCertificate, readPrivateKey } from "./certificates.ts";
import { isDecodable } from "./values.ts";

// DATABASE_URL. The driver ignores parameters that it does not know, even those for TLS, so
// everything in a URL is checked here.

/** MySQL's own modes: whether a connection is encrypted, and how the certificate is verified. */
const SSL_MODES = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];
const SSL_FILES = ["ssl-ca", "ssl-cert", "ssl-key"] as const;
const DEFAULT_PORT = 3306;
const PARAMETERS = ["ssl-mode", ...SSL_FILES];

/** @returns the URL as it was given */
export function parseDatabaseUrl(value: string): string {
  const urls = databaseUrls(value).map((each) => URL.parse(each));
  const [first] = urls;
  if (!first || !urls.every(isOurs)) {
    throw new Error("must be mysql://user:password@host:port/database; several hosts by commas");
  }
  const hosts = urls.map((url) => url && `${url.hostname}:${url.port || DEFAULT_PORT}`);
  if (new Set(hosts).size < hosts.length) throw new Error("names a host twice");
  checkParameters(first);
  return value;
}

function isOurs(url: URL | null): boolean {
  if (url?.protocol !== "mysql:" || !isDecodable(url)) return false;
  // Two slashes come from a whole URL after a comma.
  return url.hostname !== "" && /^\/[^/]/.test(url.pathname) && url.hash === "";
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
