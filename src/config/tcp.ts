import type { LogLevel } from "../log.ts";
import { readLogLevel, readSessionTtl } from "./both-tiers.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { readServerLimits, type ServerLimitsConfig } from "./rpc-limits.ts";
import { readPasswordHash, readUsers, type SeedConfig } from "./storage.ts";
import {
  type Endpoint,
  parsePort,
  parseRedisUrl,
  parseRpcHost,
  parseToken,
  readPem,
} from "./values.ts";

export interface TcpConfig extends SeedConfig {
  /** Of a cluster, a URL for each address, by commas. Without it, sessions are in SQLite. */
  readonly redisUrl: string | undefined;
  readonly rpc: Endpoint;
  readonly rpcToken: string | undefined;
  /** PEM texts. */
  readonly rpcTls: { readonly cert: string; readonly key: string } | undefined;
  readonly rpcLimits: ServerLimitsConfig;
  readonly sessionTtlSeconds: number;
  readonly logLevel: LogLevel;
}

/** Of the TCP tier. */
export const TCP_TIER: Loader<TcpConfig> = { program: "tcp", read: readTcpTier };

export function readTcpTier(reader: EnvironmentReader): TcpConfig {
  const token = reader.given("RPC_TOKEN");
  return {
    ...readUsers(reader),
    redisUrl: reader.read("REDIS_URL", undefined, () => parseRedisUrl(reader.given("REDIS_URL"))),
    rpc: {
      host: reader.read("RPC_HOST", "", (host) => parseRpcHost(host, token !== undefined)),
      port: reader.read("RPC_PORT", 0, parsePort),
    },
    rpcToken: reader.read("RPC_TOKEN", undefined, () => parseToken(token)),
    rpcTls: readTls(reader),
    rpcLimits: readServerLimits(reader),
    sessionTtlSeconds: readSessionTtl(reader),
    passwordHash: readPasswordHash(reader),
    logLevel: readLogLevel(reader),
  };
}

function readTls(reader: EnvironmentReader): TcpConfig["rpcTls"] {
  const pem = (name: "RPC_TLS_CERT" | "RPC_TLS_KEY") =>
    reader.read(name, undefined, () => readPem(reader.given(name)));
  const [cert, key] = [pem("RPC_TLS_CERT"), pem("RPC_TLS_KEY")];
  if (
    (reader.given("RPC_TLS_CERT") === undefined) !==
    (reader.given("RPC_TLS_KEY") === undefined)
  ) {
    reader.report("RPC_TLS_CERT and RPC_TLS_KEY must be set together");
  }
  return cert !== undefined && key !== undefined ? { cert, key } : undefined;
}
