import { DEFAULT_CALLER } from "../../schema/callers.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { readCertificate, readPrivateKey } from "./certificates.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { type Endpoint, isLoopback, parseHost } from "./hosts.ts";
import type { EnvironmentReader, Loader } from "./load.ts";
import { type OperationConfig, readOperation } from "./operation.ts";
import {
  type HashConfig,
  type PasswordRulesConfig,
  readHash,
  readPasswordRules,
} from "./passwords.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { type CallerTokens, readRpcTokens } from "./rpc-tokens.ts";
import { readTraces, type TracesConfig } from "./traces.ts";
import { list, MAX_SESSION_TTL_SECONDS, parseLogLevel, parsePort } from "./values.ts";

/** The database of the users. */
export interface UsersConfig {
  /** If undefined, the users are in SQLite in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
}

export interface TcpConfig extends UsersConfig, HashConfig, OperationConfig {
  /** For a cluster, a URL for each address, separated by commas. If undefined, sessions are in
   *  SQLite. */
  readonly redisUrl: string | undefined;
  readonly rpc: Endpoint;
  readonly rpcTokens: CallerTokens;
  /** PEM texts. */
  readonly rpcTls: { readonly cert: string; readonly key: string } | undefined;
  /** Named as in `src/rpc/limits.ts`. */
  readonly rpcLimits: { readonly maxServerConnections: number; readonly maxServerInFlight: number };
  readonly sessionTtlSeconds: number;
  /** The most sessions of a user. */
  readonly sessionsMax: number;
  readonly mysqlPool: { readonly maxConnections: number; readonly maxAgeMs: number };
  readonly redisTimeouts: { readonly connectMs: number; readonly commandMs: number };
  readonly passwordRules: PasswordRulesConfig;
  readonly logLevel: LogLevel;
  /** If undefined, traces are off. */
  readonly traces: TracesConfig | undefined;
}

const MAX_COUNT = 1_000_000;
const MAX_POOL_SIZE = 1_000;
const MAX_AGE_SECONDS = 3_600;
const MIN_TIMEOUT_MS = 100;
const MAX_CONNECT_MS = 10_000;
/** The storage accepts no more: see MAX_COMMAND_MS in src/storage/redis. */
const MAX_COMMAND_MS = 3_000;
/** A script of Redis handles all sessions of a user at once. */
const MAX_SESSIONS = 1_000;

/** Loads the TCP tier's config, without the keys of the bucket. */
export const TCP_TIER: Loader<TcpConfig> = { program: "tcp", read: readTcpTier };

export function readTcpTier(reader: EnvironmentReader): TcpConfig {
  refuseUnmeantSqlite(reader, ["DATABASE_URL", "REDIS_URL"]);
  const rpcTokens = readRpcTokens(reader);
  return {
    ...readUsers(reader),
    redisUrl: reader.readGiven("REDIS_URL", parseRedisUrl),
    rpc: {
      host: reader.read("RPC_HOST", "", (value) => readRpcHost(value, rpcTokens, reader)),
      port: reader.read("RPC_PORT", 0, parsePort),
    },
    rpcTokens,
    rpcTls: readTls(reader),
    rpcLimits: {
      maxServerConnections: reader.whole("RPC_MAX_SERVER_CONNECTIONS", 1, MAX_COUNT),
      maxServerInFlight: reader.whole("RPC_MAX_SERVER_IN_FLIGHT", 1, MAX_COUNT),
    },
    sessionsMax: reader.whole("SESSIONS_MAX", 1, MAX_SESSIONS),
    sessionTtlSeconds: reader.whole("SESSION_TTL_SECONDS", 1, MAX_SESSION_TTL_SECONDS),
    mysqlPool: {
      maxConnections: reader.whole("MYSQL_POOL_SIZE", 1, MAX_POOL_SIZE),
      maxAgeMs: 1_000 * reader.whole("MYSQL_CONNECTION_MAX_AGE_SECONDS", 1, MAX_AGE_SECONDS),
    },
    redisTimeouts: {
      connectMs: reader.whole("REDIS_CONNECT_TIMEOUT_MS", MIN_TIMEOUT_MS, MAX_CONNECT_MS),
      commandMs: reader.whole("REDIS_COMMAND_TIMEOUT_MS", MIN_TIMEOUT_MS, MAX_COMMAND_MS),
    },
    ...readHash(reader),
    passwordRules: readPasswordRules(reader),
    ...readOperation(reader),
    logLevel: reader.read("LOG_LEVEL", "info", parseLogLevel),
    traces: readTraces(reader, "portico-tcp"),
  };
}

function readRpcHost(value: string, tokens: CallerTokens, reader: EnvironmentReader): string {
  const host = parseHost(value, "RPC_PORT");
  const isPlain = reader.isOn("RPC_PLAINTEXT", "allow");
  if (isLoopback(host)) return host;
  const tls = isPlain ? [] : (["RPC_TLS_CERT", "RPC_TLS_KEY"] as const);
  // Without a token of "http", every process that can connect is "http".
  const token = tokens.has(DEFAULT_CALLER) ? [] : (["RPC_TOKEN"] as const);
  const missing = [...token, ...tls].filter((name) => !reader.has(name));
  if (missing.length === 0) return host;
  const otherwise = isPlain
    ? ""
    : ". On a trusted network, RPC_PLAINTEXT=allow replaces the certificate and the key";
  const what = `is "${host}", which other machines can reach: set ${list(missing)}`;
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

/**
 * In production, report a variable that is not set, unless STORAGE=embedded: a forgotten variable
 * must not mean SQLite.
 */
export function refuseUnmeantSqlite(
  reader: EnvironmentReader,
  servers: readonly ("DATABASE_URL" | "REDIS_URL")[],
): void {
  if (reader.isOn("STORAGE", "embedded") || !reader.isProduction) return;
  const missing = servers.filter((name) => !reader.has(name));
  if (missing.length === 0) return;
  reader.report(
    `${list(missing)} must be set, as this is production (NODE_ENV=production); or set ` +
      "STORAGE=embedded to keep users and sessions in SQLite in DATA_DIR. " +
      "`bun run dev` needs neither",
  );
}

export function readUsers(reader: EnvironmentReader): UsersConfig {
  return {
    databaseUrl: reader.readGiven("DATABASE_URL", parseDatabaseUrl),
    dataDir: reader.text("DATA_DIR"),
  };
}
