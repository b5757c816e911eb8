import { CALLER_NAME } from "../../schema/callers.ts";
import type { AccessLog } from "../http/request-log.ts";
import type { LogLevel } from "../telemetry/log.ts";
import type { PasswordScheme } from "../user/password.ts";

// Parsers of values. Each throws an Error whose message continues after the name of the variable or
// option. The message does not repeat a value that may hold a secret.

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];
const ACCESS_LOGS: readonly AccessLog[] = ["all", "errors", "off"];
export const MAX_PORT = 65_535;
export const MAX_SESSION_TTL_SECONDS = 365 * 24 * 3600;
/** Of secrets that people choose, in characters. */
export const MIN_TOKEN_LENGTH = 16;

/** A value for a message: on one line, and without the parts that may be secret. */
export function shown(value: string): string {
  return value
    .replace(/-----BEGIN[\s\S]*/, "…")
    .replace(/^(.*:\/\/)?.*@/s, "$1…@")
    .replace(/\?.*/s, "?…")
    .replace(/\p{Cc}/gu, "�")
    .replace(/^(.{79}).{2,}$/s, "$1…");
}

export function parseWhole(value: string, lowest: number, highest: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= lowest && number <= highest) return number;
  throw new Error(`is "${shown(value)}": must be a whole number from ${lowest} to ${highest}`);
}

export function parsePort(value: string): number {
  if (/^(tcp|udp|sctp):\/\//.test(value)) {
    const why = "as Kubernetes sets it for a service of that name";
    const remedy = "set it to a port, or enableServiceLinks to false in the pod";
    throw new Error(`is "${shown(value)}", ${why}: ${remedy}`);
  }
  return parseWhole(value, 0, MAX_PORT);
}

export function parseToken(token: string): string {
  if (token.length >= MIN_TOKEN_LENGTH) return token;
  throw new Error(`must have ${MIN_TOKEN_LENGTH} characters or more`);
}

/** The name of a caller. */
export function parseCaller(name: string): string {
  if (CALLER_NAME.test(name)) return name;
  throw new Error(`is "${shown(name)}": must be a name like admin or batch-job`);
}

export function parsePublicUrl(value: string): URL {
  const url = URL.parse(value);
  const isOrigin = url && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (isOrigin) return url;
  const limits = "and nothing else: no path, query or password";
  throw new Error(`is "${shown(value)}": must be http://host or https://host, ${limits}`);
}

/** Such as "one, two, and three". */
export function list(names: readonly string[]): string {
  return new Intl.ListFormat("en").format(names);
}

/** Whether a driver can decode the URL. A bare % in the password prevents that. */
export function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

export function parsePasswordHash(value: string): PasswordScheme {
  if (value === "salted-md5") return { name: "salted-md5" };
  const [, m, t, p] = /^argon2id:m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})$/.exec(value) ?? [];
  const [memoryKib, passes, lanes] = [Number(m), Number(t), Number(p)];
  // RFC 9106 §3.1: at least one pass and one lane, and 8 KiB a lane.
  if (passes >= 1 && lanes >= 1 && memoryKib >= 8 * lanes) {
    return { name: "argon2id", memoryKib, passes, lanes };
  }
  const like = "like argon2id:m=19456,t=2,p=1 (m KiB, 8 times p or more)";
  throw new Error(`is "${shown(value)}": must be salted-md5 or ${like}`);
}

export function parseLogLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level) return level;
  throw new Error(`is "${shown(value)}": must be one of ${LOG_LEVELS.join(", ")}`);
}

export function parseAccessLog(value: string): AccessLog {
  const known = ACCESS_LOGS.find((each) => each === value);
  if (known) return known;
  throw new Error(`is "${shown(value)}": must be one of ${ACCESS_LOGS.join(", ")}`);
}
