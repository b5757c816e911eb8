import { type AvatarBucketConfig, readAvatarBucket } from "./config-bucket.ts";
import { type RpcLimitsConfig, readRpcLimits } from "./config-limits.ts";
import {
  bracketed,
  type Endpoint,
  MAX_PORT,
  type PasswordHash,
  parseDatabaseUrl,
  parseEndpoint,
  parseLogLevel,
  parsePasswordHash,
  parsePort,
  parsePublicUrl,
  parseRedisUrl,
  parseRpcHost,
  parseToken,
  parseWhole,
  readPem,
} from "./config-values.ts";
import type { LogLevel } from "./log.ts";

/** Every variable that Portico reads. The README's table is held to this one by a test. */
export const VARIABLES = {
  HTTP_HOST: { default: "127.0.0.1", meaning: "where the HTTP tier listens" },
  HTTP_PORT: { default: "9090", meaning: "its port; 0 takes a free one" },
  HTTP_WORKERS: {
    default: "1",
    meaning: "processes of the HTTP tier in `bun run start`, from 1 to 64, on one port",
  },
  PUBLIC_URL: {
    default: "`http://HTTP_HOST:HTTP_PORT`",
    meaning: "where browsers reach it; https makes the cookie `Secure`",
  },
  RPC_HOST: {
    default: "127.0.0.1",
    meaning: "where the TCP tier listens; other than loopback only with `RPC_TOKEN`",
  },
  RPC_PORT: { default: "9091", meaning: "its port; 0 takes a free one" },
  RPC_WORKERS: {
    default: "1",
    meaning:
      "processes of the TCP tier in `bun run start`, from 1 to 64, on `RPC_PORT` and those after",
  },
  RPC_ADDRESSES: {
    default: "`RPC_HOST:RPC_PORT`",
    meaning: "the TCP servers that the HTTP tier calls, by commas; in `bun run start`, its own",
  },
  RPC_TOKEN: {
    default: "none",
    meaning: "secret of 16 characters or more that both tiers prove to know; never sent",
  },
  RPC_TLS_CERT: {
    default: "none",
    meaning: "PEM file with the TCP tier's certificate: it then speaks TLS only",
  },
  RPC_TLS_KEY: { default: "none", meaning: "PEM file with the certificate's key" },
  RPC_TLS_CA: {
    default: "none",
    meaning: "PEM file with the authority that the HTTP tier trusts: it then speaks TLS only",
  },
  RPC_MAX_FRAME_BYTES: { default: "1048576", meaning: "longest RPC frame that a tier reads" },
  RPC_MAX_IN_FLIGHT: { default: "256", meaning: "calls at once on one RPC connection" },
  RPC_MAX_SERVER_IN_FLIGHT: {
    default: "4096",
    meaning: "handlers at once on the TCP tier; more calls are refused, to be tried elsewhere",
  },
  RPC_MAX_SERVER_CONNECTIONS: {
    default: "1024",
    meaning: "connections of all clients to the TCP tier; more are closed at once",
  },
  RPC_MAX_OUTGOING_BYTES: {
    default: "16777216",
    meaning: "bytes that may wait for an RPC peer that does not read; then it is cut off",
  },
  RPC_MAX_CONNECTIONS: {
    default: "16",
    meaning: "connections of the HTTP tier to one TCP server",
  },
  RPC_MAX_WAITERS: {
    default: "10000",
    meaning: "calls of the HTTP tier that may wait for a connection to one TCP server",
  },
  RPC_HANDSHAKE_TIMEOUT_MS: {
    default: "5000",
    meaning: "how long an RPC peer may take to greet; the HTTP tier waits 2,000 ms at most",
  },
  DATA_DIR: { default: ".data", meaning: "folder of the SQLite file and the avatars" },
  DATABASE_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning: "`mysql://user:password@host:port/database`",
  },
  REDIS_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning:
      "`redis://user:password@host:port/number`, or `rediss://` for TLS; " +
      "`redis://user:password@host:port,host:port,…` for a Redis Cluster",
  },
  AVATAR_URL: {
    default: "a folder in `DATA_DIR`",
    meaning: "where the pictures are: `s3://bucket/prefix` for S3 and what speaks it",
  },
  S3_ENDPOINT: {
    default: "`https://s3.S3_REGION.amazonaws.com`",
    meaning: "what speaks S3, where it is not Amazon's",
  },
  S3_REGION: { default: "us-east-1", meaning: "the region of the bucket" },
  S3_ACCESS_KEY_ID: { default: "none", meaning: "who asks for the bucket; required with it" },
  S3_SECRET_ACCESS_KEY: { default: "none", meaning: "what signs for them; never sent" },
  SESSION_TTL_SECONDS: { default: "1800", meaning: "how long a session lasts" },
  PASSWORD_HASH: {
    default: "argon2id:m=19456,t=2,p=1",
    meaning: "scheme and cost (KiB, passes, lanes) of new hashes; or `salted-md5`, the classic one",
  },
  LOG_LEVEL: {
    default: "info",
    meaning: "`debug` (every request), `info`, `warn`, `error`, `silent`",
  },
} as const;

/** Documented variables that do not work yet: accepting them silently would pretend. */
const NOT_YET = ["METRICS_PORT"];

export interface Config {
  readonly http: Endpoint;
  /** Processes of the tier, where `bun run start` starts them. */
  readonly httpWorkers: number;
  readonly publicUrl: URL;
  readonly rpc: Endpoint;
  /** Processes of the tier, where `bun run start` starts them. */
  readonly rpcWorkers: number;
  readonly rpcAddresses: readonly Endpoint[];
  readonly rpcToken: string | undefined;
  /** PEM texts. */
  readonly rpcTls: { readonly cert: string; readonly key: string } | undefined;
  /** PEM text. */
  readonly rpcTlsCa: string | undefined;
  readonly rpcLimits: RpcLimitsConfig;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  /** Of a cluster, a URL for each address, by commas. */
  readonly redisUrl: string | undefined;
  /** Where the pictures are; without it, they are in a folder in `dataDir`. */
  readonly avatarBucket: AvatarBucketConfig | undefined;
  readonly sessionTtlSeconds: number;
  readonly passwordHash: PasswordHash;
  readonly logLevel: LogLevel;
}

/** Everything that is wrong with the environment, by variable name, a line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type VariableName = keyof typeof VARIABLES;
export type Environment = Readonly<Record<string, string | undefined>>;

const MAX_WORKERS = 64;
const MAX_SESSION_TTL_SECONDS = 365 * 24 * 3600;

/**
 * Read the environment; a variable that is empty counts as not set.
 * @throws {ConfigError} with every problem at once; values that may hold secrets are not repeated
 */
export function loadConfig(environment: Environment): Config {
  const problems: string[] = [];
  const given = (name: VariableName) => environment[name] || undefined;
  const text = (name: VariableName) => given(name) ?? VARIABLES[name].default;

  /** Read one variable; what `parse` throws becomes a problem under the variable's name. */
  function read<T>(name: VariableName, fallback: T, parse: (value: string) => T): T {
    try {
      return parse(text(name));
    } catch (error) {
      problems.push(`${name} ${error instanceof Error ? error.message : error}`);
      return fallback;
    }
  }

  for (const name of NOT_YET) {
    if (environment[name]) problems.push(`${name} does not work yet: unset it`);
  }
  const http = { host: text("HTTP_HOST"), port: read("HTTP_PORT", 0, parsePort) };
  const rpcToken = read("RPC_TOKEN", undefined, () => parseToken(given("RPC_TOKEN")));
  const rpc = {
    host: read("RPC_HOST", "", (host) => parseRpcHost(host, given("RPC_TOKEN") !== undefined)),
    port: read("RPC_PORT", 0, parsePort),
  };
  const whole = (name: VariableName, lowest: number, highest: number) =>
    read(name, lowest, (value) => parseWhole(value, lowest, highest));
  const pem = (name: VariableName) => read(name, undefined, () => readPem(given(name)));
  const [cert, key] = [pem("RPC_TLS_CERT"), pem("RPC_TLS_KEY")];
  if ((given("RPC_TLS_CERT") === undefined) !== (given("RPC_TLS_KEY") === undefined)) {
    problems.push("RPC_TLS_CERT and RPC_TLS_KEY must be set together");
  }
  const rpcWorkers = whole("RPC_WORKERS", 1, MAX_WORKERS);
  if (rpc.port + rpcWorkers - 1 > MAX_PORT) {
    problems.push(`RPC_WORKERS is "${rpcWorkers}": there are not so many ports from RPC_PORT on`);
  }
  // Writers of one file wait by turns, and a process does nothing else while it does: under load
  // one of two was seen to get none for seconds.
  if (rpcWorkers > 1 && !(given("DATABASE_URL") && given("REDIS_URL"))) {
    problems.push(
      `RPC_WORKERS is "${rpcWorkers}": must be 1 where DATABASE_URL or REDIS_URL is not set, ` +
        "as SQLite is for one process",
    );
  }
  const config: Config = {
    http,
    httpWorkers: whole("HTTP_WORKERS", 1, MAX_WORKERS),
    publicUrl: read("PUBLIC_URL", new URL("http://localhost"), (value) =>
      given("PUBLIC_URL")
        ? parsePublicUrl(value)
        : new URL(`http://${bracketed(http.host)}:${http.port}`),
    ),
    rpc,
    rpcWorkers,
    rpcAddresses: read("RPC_ADDRESSES", [rpc], (value) =>
      given("RPC_ADDRESSES") ? value.split(",").map(parseEndpoint) : [rpc],
    ),
    rpcToken,
    rpcTls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    rpcTlsCa: pem("RPC_TLS_CA"),
    rpcLimits: readRpcLimits(whole),
    dataDir: text("DATA_DIR"),
    databaseUrl: read("DATABASE_URL", undefined, () => parseDatabaseUrl(given("DATABASE_URL"))),
    redisUrl: read("REDIS_URL", undefined, () => parseRedisUrl(given("REDIS_URL"))),
    avatarBucket: readAvatarBucket(read, given),
    sessionTtlSeconds: whole("SESSION_TTL_SECONDS", 1, MAX_SESSION_TTL_SECONDS),
    passwordHash: read("PASSWORD_HASH", { name: "salted-md5" }, parsePasswordHash),
    logLevel: read("LOG_LEVEL", "info", parseLogLevel),
  };
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return Object.freeze(config);
}

/** For a main: the config, or every problem on stderr and the end, by default with exit code 1. */
export function configOrExit(environment: Environment, exitCode = 1): Config {
  try {
    return loadConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(exitCode);
  }
}
