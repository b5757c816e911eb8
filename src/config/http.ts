import type { BlockList } from "node:net";
import type { BucketAccess } from "../http/avatar/bucket.ts";
import type { AccessLog } from "../http/request-log.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { readAvatarBucket } from "./bucket.ts";
import { bracketed, type Endpoint, parseHost } from "./hosts.ts";
import type { EnvironmentReader, Loader } from "./load.ts";
import { type OperationConfig, readOperation } from "./operation.ts";
import { parseTrustedProxies } from "./proxies.ts";
import { type RpcClientConfig, readRpcClient } from "./rpc-client.ts";
import { readTraces, type TracesConfig } from "./traces.ts";
import {
  MAX_SESSION_TTL_SECONDS,
  parseAccessLog,
  parseLogLevel,
  parsePort,
  parsePublicUrl,
} from "./values.ts";

export interface HttpConfig extends RpcClientConfig, OperationConfig {
  readonly http: Endpoint;
  readonly publicUrl: URL;
  /** False if `publicUrl` is only the address that the tier listens on. */
  readonly isPublicUrlSet: boolean;
  /** If undefined, no proxy is trusted. */
  readonly trustedProxies: BlockList | undefined;
  /** Whether the name of the session cookie begins with `__Host-`. */
  readonly hasCookieHostPrefix: boolean;
  readonly hasDocs: boolean;
  readonly keepAliveSeconds: number;
  /** Named as in `src/rpc/limits.ts`. */
  readonly rpcLimits: { readonly maxConnections: number };
  readonly dataDir: string;
  /** If undefined, the pictures are in a folder in `dataDir`. */
  readonly avatarBucket: BucketAccess | undefined;
  readonly sessionTtlSeconds: number;
  readonly logLevel: LogLevel;
  readonly accessLog: AccessLog;
  /** If undefined, traces are off. */
  readonly traces: TracesConfig | undefined;
}

const MAX_CONNECTIONS = 1_000_000;
/** Seconds. Bun also ends a request that is silent for this long, and a call may take 5 s. */
const MIN_KEEP_ALIVE = 10;
/** Bun takes no more. */
const MAX_KEEP_ALIVE = 255;

/** Loads the HTTP tier's config, without the address and the password of a database. */
export const HTTP_TIER: Loader<HttpConfig> = {
  program: "http",
  read: (reader) => readHttpTier(reader),
};

/** @param hasToken as in readRpcClient() */
export function readHttpTier(reader: EnvironmentReader, hasToken = false): HttpConfig {
  const http = {
    host: reader.read("HTTP_HOST", "localhost", (host) => parseHost(host, "HTTP_PORT")),
    port: reader.read("HTTP_PORT", 0, parsePort),
  };
  const publicUrl = reader.readGiven("PUBLIC_URL", parsePublicUrl) ?? ownUrl(http);
  return {
    http,
    publicUrl,
    isPublicUrlSet: reader.given("PUBLIC_URL") !== undefined,
    trustedProxies: reader.readGiven("TRUSTED_PROXIES", parseTrustedProxies),
    hasCookieHostPrefix: readCookieHostPrefix(reader, publicUrl),
    hasDocs: !reader.isOn("DOCS", "off"),
    keepAliveSeconds: reader.whole("HTTP_KEEP_ALIVE_SECONDS", MIN_KEEP_ALIVE, MAX_KEEP_ALIVE),
    ...readRpcClient(reader, hasToken),
    rpcLimits: { maxConnections: reader.whole("RPC_MAX_CONNECTIONS", 1, MAX_CONNECTIONS) },
    dataDir: reader.text("DATA_DIR"),
    avatarBucket: readAvatarBucket(reader),
    sessionTtlSeconds: reader.whole("SESSION_TTL_SECONDS", 1, MAX_SESSION_TTL_SECONDS),
    ...readOperation(reader),
    logLevel: reader.read("LOG_LEVEL", "info", parseLogLevel),
    accessLog: reader.read("ACCESS_LOG", "all", parseAccessLog),
    traces: readTraces(reader, "portico-http"),
  };
}

function readCookieHostPrefix(reader: EnvironmentReader, { protocol }: URL): boolean {
  const isOn = reader.isOn("COOKIE_HOST_PREFIX", "on");
  if (isOn && protocol !== "https:") {
    reader.report(
      'COOKIE_HOST_PREFIX is "on": set PUBLIC_URL to an https address, since browsers take ' +
        "such a cookie only by https",
    );
  }
  return isOn;
}

/**
 * The URL of the address that the tier listens on. A URL cannot have the zone of an IPv6 address.
 */
function ownUrl({ host, port }: Endpoint): URL {
  return new URL(`http://${bracketed(host.replace(/%.*/, ""))}:${port}`);
}
