import type { LogLevel } from "../telemetry/log.ts";
import { readLogLevel, readSessionTtl } from "./both-tiers.ts";
import { readCertificate, readPrivateKey } from "./certificates.ts";
import { type Endpoint, isLoopback, parseHost } from "./hosts.ts";
import type { Loader } from "./load.ts";
import type { EnvironmentReader } from "./reader.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { readServerLimits, type ServerLimitsConfig } from "./rpc-limits.ts";
import { readPasswordHash, readUsers, refuseUnmeantSqlite, type SeedConfig } from "./storage.ts";
import { list, parsePort, parseToken } from "./values.ts";

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
  refuseUnmeantSqlite(reader, ["DATABASE_URL", "REDIS_URL"]);
  return {
    ...readUsers(reader),
    redisUrl: reader.readGiven("REDIS_URL", parseRedisUrl),
    rpc: {
      host: reader.read("RPC_HOST", "", (value) => readRpcHost(value, reader)),
      port: reader.read("RPC_PORT", 0, parsePort),
    },
    rpcToken: reader.readGiven("RPC_TOKEN", parseToken),
    rpcTls: readTls(reader),
    rpcLimits: readServerLimits(reader),
    sessionTtlSeconds: readSessionTtl(reader),
    passwordHash: readPasswordHash(reader),
    logLevel: readLogLevel(reader),
  };
}

function readRpcHost(value: string, reader: EnvironmentReader): string {
  const host = parseHost(value, "RPC_PORT");
  const isPlain = reader.isOn("RPC_PLAINTEXT", "allow");
  if (isLoopback(host)) return host;
  const tls = isPlain ? [] : (["RPC_TLS_CERT", "RPC_TLS_KEY"] as const);
  const needed = ["RPC_TOKEN", ...tls] as const;
  const missing = needed.filter((name) => !reader.has(name));
  if (missing.length === 0) return host;
  const otherwise = isPlain
    ? ""
    : "; instead of TLS, RPC_PLAINTEXT=allow if the network is trusted";
  const what = `is "${host}", which others can reach: set ${list(missing)}`;
  throw new Error(`${what}${otherwise}`);
}

function readTls(reader: EnvironmentReader): TcpConfig["rpcTls"] {
  const cert = reader.readGiven("RPC_TLS_CERT", (path) => readCertificate(path));
  const key = reader.readGiven("RPC_TLS_KEY", readPrivateKey);
  if (reader.has("RPC_TLS_CERT") !== reader.has("RPC_TLS_KEY")) {
    reader.report("RPC_TLS_CERT and RPC_TLS_KEY must be set together");
  }
  if (!cert || !key) return undefined;
  if (!cert.leaf.checkPrivateKey(key.key)) {
    reader.report("RPC_TLS_CERT and RPC_TLS_KEY do not match: the key is not the certificate's");
  }
  return { cert: cert.text, key: key.text };
}
