import type { LogLevel } from "../telemetry/log.ts";
import { readLogLevel, readSessionTtl } from "./both-tiers.ts";
import { type AvatarBucketConfig, readAvatarBucket } from "./bucket.ts";
import { bracketed, type Endpoint, parseHost } from "./hosts.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { type RpcClientConfig, readRpcClient } from "./rpc-client.ts";
import { type PoolLimitsConfig, readPoolLimits } from "./rpc-limits.ts";
import { parsePort, parsePublicUrl } from "./values.ts";

export interface HttpConfig extends RpcClientConfig {
  readonly http: Endpoint;
  readonly publicUrl: URL;
  /** False if `publicUrl` is only where the tier listens. */
  readonly isPublicUrlSet: boolean;
  readonly rpcLimits: PoolLimitsConfig;
  readonly dataDir: string;
  /** Where the pictures are; without it, they are in a folder in `dataDir`. */
  readonly avatarBucket: AvatarBucketConfig | undefined;
  readonly sessionTtlSeconds: number;
  readonly logLevel: LogLevel;
}

/** Of the HTTP tier, which knows nothing of databases. */
export const HTTP_TIER: Loader<HttpConfig> = { program: "http", read: readHttpTier };

export function readHttpTier(reader: EnvironmentReader): HttpConfig {
  const http = {
    host: reader.read("HTTP_HOST", "localhost", (host) => parseHost(host, "HTTP_PORT")),
    port: reader.read("HTTP_PORT", 0, parsePort),
  };
  return {
    http,
    publicUrl: reader.readGiven("PUBLIC_URL", parsePublicUrl) ?? ownUrl(http),
    isPublicUrlSet: reader.given("PUBLIC_URL") !== undefined,
    ...readRpcClient(reader),
    rpcLimits: readPoolLimits(reader),
    dataDir: reader.text("DATA_DIR"),
    avatarBucket: readAvatarBucket(reader),
    sessionTtlSeconds: readSessionTtl(reader),
    logLevel: readLogLevel(reader),
  };
}

/** Where it listens; a URL cannot name the zone of an IPv6 address. */
function ownUrl({ host, port }: Endpoint): URL {
  return new URL(`http://${bracketed(host.replace(/%.*/, ""))}:${port}`);
}
