import distance from "leven";
import type { Variable } from "./variable.ts";
import {
  type Environment,
  fileNameOf,
  isVariable,
  NAMES,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

// Variables without effect that look like one of ours: a typing mistake, the name that other
// software uses, or a variable that Portico no longer has. A warning names them.

export interface Lookalike {
  readonly name: string;
  /** Undefined if Portico no longer has the variable. */
  readonly meant: string | undefined;
}

/** Limits of the RPC that are constants now, in `src/rpc/limits.ts`. */
const REMOVED: readonly string[] = [
  "RPC_MAX_FRAME_BYTES",
  "RPC_MAX_IN_FLIGHT",
  "RPC_MAX_OUTGOING_BYTES",
  "RPC_MAX_WAITERS",
  "RPC_HANDSHAKE_TIMEOUT_MS",
];

/** The names that other software uses. */
const ALIASES: Readonly<Partial<Record<VariableName, readonly string[]>>> = {
  HTTP_HOST: ["BIND_ADDRESS", "LISTEN_HOST", "SERVER_HOST"],
  HTTP_PORT: ["PORT", "LISTEN_PORT", "SERVER_PORT"],
  PUBLIC_URL: ["APP_URL", "BASE_URL", "EXTERNAL_URL", "PUBLIC_BASE_URL", "SITE_URL"],
  RPC_ADDRESSES: ["RPC_SERVERS", "RPC_URL", "RPC_URLS"],
  RPC_TOKEN: ["RPC_PASSWORD", "RPC_SECRET"],
  RPC_TLS_CERT: ["RPC_CERT", "RPC_CERTIFICATE", "RPC_TLS_CERTIFICATE"],
  RPC_TLS_KEY: ["RPC_KEY"],
  RPC_TLS_CA: ["RPC_CA"],
  DATA_DIR: ["DATA_FOLDER", "DATA_PATH"],
  DATABASE_URL: [
    ...["DATABASE_DSN", "DB_DSN", "DB_URI", "DB_URL", "JDBC_DATABASE_URL", "JDBC_URL"],
    ...["MARIADB_URI", "MARIADB_URL", "MYSQL_DSN", "MYSQL_URI", "MYSQL_URL"],
  ],
  REDIS_URL: ["REDISCLOUD_URL", "REDIS_DSN", "REDIS_TLS_URL", "VALKEY_URI", "VALKEY_URL"],
  AVATAR_URL: ["AVATAR_BUCKET", "S3_BUCKET"],
  S3_ENDPOINT: ["S3_ENDPOINT_URL", "S3_HOST", "S3_URL"],
  S3_ACCESS_KEY_ID: ["S3_ACCESS_KEY", "S3_KEY"],
  S3_SECRET_ACCESS_KEY: ["S3_SECRET", "S3_SECRET_KEY"],
  SESSION_TTL_SECONDS: ["SESSION_MAX_AGE", "SESSION_TIMEOUT", "SESSION_TTL"],
  SESSIONS_MAX: ["MAX_SESSIONS", "MAX_SESSIONS_PER_USER"],
  PASSWORD_PEPPER: ["PASSWORD_SECRET", "PEPPER"],
  PASSWORD_MIN: ["MIN_PASSWORD_LENGTH", "PASSWORD_MIN_LENGTH"],
  PASSWORD_MAX: ["MAX_PASSWORD_LENGTH", "PASSWORD_MAX_LENGTH"],
  LOG_LEVEL: ["LOG_LVL"],
};

/** Names of other software and of Kubernetes, which may resemble ours by accident. */
const FOREIGN =
  /^(npm_|BUN_|OTEL_|AWS_|GRPC_|KUBERNETES_)|_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)/;
/** The value that Kubernetes or a container link sets for a service. */
const LINK = /^(tcp|udp|sctp):\/\//;

/**
 * A name of this length or more may differ by two letters. A shorter one may differ by one letter,
 * or by two that are swapped.
 */
const LONG = 12;

/** Every variable without effect that looks like one of ours, with the one that it resembles. */
export function lookalikes(environment: Environment): Lookalike[] {
  return Object.entries(environment).flatMap(([name, value = ""]): Lookalike[] => {
    if (isOurs(name) || FOREIGN.test(name) || LINK.test(value)) return [];
    if (REMOVED.includes(name)) return [{ name, meant: undefined }];
    const meant = nearestName(name);
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/** The text of a warning, which never contains the value. */
export function lookalikeText({ name, meant }: Lookalike): string {
  if (meant === undefined) {
    return `${name} is no longer a variable of Portico and has no effect: unset it`;
  }
  return `${name} is no variable of Portico and has no effect: did you mean ${meant}?`;
}

/** Print the warnings on stderr, one line each. */
export function printLookalikes(environment: Environment): void {
  for (const each of lookalikes(environment)) console.error(lookalikeText(each));
}

/** The variable or `NAME_FILE` that is probably meant by a name that is neither. */
export function nearestName(name: string): string | undefined {
  const [, ofFile] = /^(.+)[_.-]FILE$/i.exec(name) ?? [];
  if (ofFile === undefined) return meantBy(name);
  const meant = isVariable(ofFile) ? ofFile : meantBy(ofFile);
  if (meant === undefined) return undefined;
  const { isPath }: Variable = VARIABLES[meant];
  return isPath ? meant : fileNameOf(meant);
}

function meantBy(name: string): VariableName | undefined {
  if (!/^[\w.-]{3,40}$/.test(name)) return undefined;
  const plain = name
    .toUpperCase()
    .replace(/[.-]/g, "_")
    .replace(/^PORTICO_/, "");
  if (isVariable(plain)) return plain;
  const alias = NAMES.find((ours) => ALIASES[ours]?.includes(plain));
  if (alias) return alias;
  const [nearest] = NAMES.map((ours) => ({ ours, steps: distance(plain, ours) })).sort(
    (one, other) => one.steps - other.steps,
  );
  return nearest && isNear(plain, nearest) ? nearest.ours : undefined;
}

function isNear(name: string, { ours, steps }: { ours: string; steps: number }): boolean {
  if (steps <= 1 || (steps === 2 && (name.length >= LONG || sorted(name) === sorted(ours)))) {
    return true;
  }
  // Other software rarely has variables with this prefix.
  return name.startsWith("RPC_");
}

function sorted(text: string): string {
  return [...text].sort().join("");
}

/** `NAME_FILE` counts even if it is refused: the error says why. */
function isOurs(name: string): boolean {
  return isVariable(name.replace(/_FILE$/, ""));
}
