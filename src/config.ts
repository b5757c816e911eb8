import type { LogLevel } from "./log.ts";

/** Every variable that Portico reads. The README's table is held to this one by a test. */
export const VARIABLES = {
  HTTP_HOST: { default: "127.0.0.1", meaning: "where the HTTP tier listens" },
  HTTP_PORT: { default: "9090", meaning: "its port; 0 takes a free one" },
  PUBLIC_URL: {
    default: "`http://HTTP_HOST:HTTP_PORT`",
    meaning: "where browsers reach it; https makes the cookie `Secure`",
  },
  RPC_HOST: {
    default: "127.0.0.1",
    meaning: "where the TCP tier listens; loopback only, until the tiers can prove who they are",
  },
  RPC_PORT: { default: "9091", meaning: "its port; 0 takes a free one" },
  RPC_ADDRESSES: {
    default: "`RPC_HOST:RPC_PORT`",
    meaning: "the TCP servers that the HTTP tier calls, by commas",
  },
  DATA_DIR: { default: ".data", meaning: "folder of the SQLite file and the avatars" },
  DATABASE_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning: "`mysql://user:password@host:port/database`",
  },
  REDIS_URL: {
    default: "SQLite in `DATA_DIR`",
    meaning: "`redis://user:password@host:port/number`, or `rediss://` for TLS",
  },
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
const NOT_YET = ["RPC_TOKEN", "AVATAR_URL", "METRICS_PORT"];

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Config {
  readonly http: Endpoint;
  readonly publicUrl: URL;
  readonly rpc: Endpoint;
  readonly rpcAddresses: readonly Endpoint[];
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly sessionTtlSeconds: number;
  readonly passwordHash:
    | {
        readonly name: "argon2id";
        readonly memoryKib: number;
        readonly passes: number;
        readonly lanes: number;
      }
    | { readonly name: "salted-md5" };
  readonly logLevel: LogLevel;
}

/** Everything that is wrong with the environment, by variable name, a line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type VariableName = keyof typeof VARIABLES;
export type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
const MAX_PORT = 65_535;
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
  const rpc = { host: read("RPC_HOST", "", parseLoopback), port: read("RPC_PORT", 0, parsePort) };
  const config: Config = {
    http,
    publicUrl: read("PUBLIC_URL", new URL("http://localhost"), (value) =>
      given("PUBLIC_URL")
        ? parsePublicUrl(value)
        : new URL(`http://${bracketed(http.host)}:${http.port}`),
    ),
    rpc,
    rpcAddresses: read("RPC_ADDRESSES", [rpc], (value) =>
      given("RPC_ADDRESSES") ? value.split(",").map(parseEndpoint) : [rpc],
    ),
    dataDir: text("DATA_DIR"),
    databaseUrl: read("DATABASE_URL", undefined, () => parseDatabaseUrl(given("DATABASE_URL"))),
    redisUrl: read("REDIS_URL", undefined, () => parseRedisUrl(given("REDIS_URL"))),
    sessionTtlSeconds: read("SESSION_TTL_SECONDS", 1, (value) =>
      parseWhole(value, 1, MAX_SESSION_TTL_SECONDS),
    ),
    passwordHash: read("PASSWORD_HASH", { name: "salted-md5" }, parsePasswordHash),
    logLevel: read("LOG_LEVEL", "info", parseLogLevel),
  };
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return Object.freeze(config);
}

function parseWhole(value: string, lowest: number, highest: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= lowest && number <= highest) return number;
  throw new Error(`is "${value}": must be a whole number from ${lowest} to ${highest}`);
}

function parsePort(value: string): number {
  return parseWhole(value, 0, MAX_PORT);
}

function parseLoopback(host: string): string {
  if (LOOPBACK.test(host)) return host;
  throw new Error(`is "${host}": must be a loopback address, since RPC_TOKEN does not work yet`);
}

function parseEndpoint(value: string): Endpoint {
  const [, bracketedHost, plainHost, port = ""] =
    /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d+)$/.exec(value.trim()) ?? [];
  const host = bracketedHost ?? plainHost;
  if (!host) throw new Error(`has "${value}": must be host:port, several by commas`);
  return { host, port: parseWhole(port, 1, MAX_PORT) };
}

function parsePublicUrl(value: string): URL {
  const url = URL.parse(value);
  const isOrigin = url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (isOrigin) return url;
  throw new Error(`is "${value}": must be http://host or https://host, without a path`);
}

function parseDatabaseUrl(value: string | undefined): string | undefined {
  const url = value === undefined ? undefined : URL.parse(value);
  if (url === undefined) return undefined;
  if (url?.protocol === "mysql:" && url.pathname.length > 1 && isDecodable(url)) return value;
  throw new Error("must be mysql://user:password@host:port/database");
}

function parseRedisUrl(value: string | undefined): string | undefined {
  const url = value === undefined ? undefined : URL.parse(value);
  if (url === undefined) return undefined;
  if (value?.includes(","))
    throw new Error("names several servers: Redis Cluster does not work yet");
  const isRedis = url && /^rediss?:$/.test(url.protocol) && /^(\/\d*)?$/.test(url.pathname);
  if (isRedis && isDecodable(url)) return value;
  throw new Error("must be redis://user:password@host:port/number or rediss://…");
}

/** Whether what a driver will decode is encoded right: a bare % in a password is not. */
function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

function parsePasswordHash(value: string): Config["passwordHash"] {
  if (value === "salted-md5") return { name: "salted-md5" };
  const [, m, t, p] = /^argon2id:m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})$/.exec(value) ?? [];
  const [memoryKib, passes, lanes] = [Number(m), Number(t), Number(p)];
  // RFC 9106 §3.1: at least one pass and one lane, and 8 KiB a lane.
  if (passes >= 1 && lanes >= 1 && memoryKib >= 8 * lanes) {
    return { name: "argon2id", memoryKib, passes, lanes };
  }
  throw new Error(
    `is "${value}": must be salted-md5 or like argon2id:m=19456,t=2,p=1 (m at least 8p)`,
  );
}

function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level) return level;
  throw new Error(`is "${value}": must be one of ${LOG_LEVELS.join(", ")}`);
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** For a main: the config, or every problem on stderr and exit code 1. */
export function configOrExit(environment: Environment): Config {
  try {
    return loadConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
