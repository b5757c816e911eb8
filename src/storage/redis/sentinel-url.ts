import type { ConnectionOptions } from "node:tls";

const SENTINEL_PORT = 26_379;

/** A server, as its options of ioredis. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** What a URL of Sentinels names. */
export interface SentinelUrl {
  readonly sentinels: readonly Endpoint[];
  /** The name under which the Sentinels know the master. */
  readonly masterName: string;
  /** The number of the database. */
  readonly db: number;
  /** Of Redis. */
  readonly credentials: Credentials;
  readonly sentinelCredentials: Credentials;
  /** For Redis and the Sentinels; undefined without TLS. */
  readonly tls: ConnectionOptions | undefined;
}

export function isSentinelUrl(url: string): boolean {
  return /^rediss?-sentinel:/.test(url);
}

/** @param value as the config has checked it */
export function parseSentinelUrl(value: string): SentinelUrl {
  const [, head = "", hosts = "", tail = ""] =
    /^(.*?:\/\/(?:.*@)?)([^@/?]*)(.*)$/.exec(value) ?? [];
  const urls = hosts.split(",").map((host) => new URL(head + host + tail));
  const first = urls[0] ?? new URL(value);
  // Keep plus signs: URLSearchParams reads them as spaces, as in a form.
  const parameters = new URLSearchParams(first.search.replaceAll("+", "%2B"));
  return {
    sentinels: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || SENTINEL_PORT),
    })),
    masterName: parameters.get("sentinelMasterId") ?? "",
    db: Number(first.pathname.slice(1)),
    credentials: credentials(
      decodeURIComponent(first.username),
      decodeURIComponent(first.password),
    ),
    sentinelCredentials: credentials(
      parameters.get("sentinelUsername") ?? "",
      parameters.get("sentinelPassword") ?? "",
    ),
    tls: value.startsWith("rediss") ? {} : undefined,
  };
}

function credentials(username: string, password: string): Credentials {
  return { ...(username && { username }), ...(password && { password }) };
}

/** `host:port`, as in a URL. */
export function addressOf({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
