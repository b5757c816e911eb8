import { Redis, type RedisOptions } from "ioredis";
import { errorField } from "../attempt.ts";
import type { Availability } from "../availability.ts";
import { SCRIPTS } from "./scripts.ts";
import { driverTimeouts, type RedisTimeouts } from "./timeouts.ts";

const LONGEST_BACKOFF_MS = 500;

/** The server's certificate is refused: trying again would not help. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** The error of a connection, with a hint if only one end seems to use TLS. */
export function connectionError(isTls: boolean, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  const code = errorField(error, "code") ?? "";
  if (/^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)) {
    const hint = "set NODE_EXTRA_CA_CERTS for your own CA";
    const why = `its certificate is refused: ${message} (${hint})`;
    return new CertificateError(why, { cause: error });
  }
  if (isTls && /timed out|ETIMEDOUT/.test(message)) {
    return new Error(`${message} (rediss:// is for a port with TLS)`, { cause: error });
  }
  if (isTls || code !== "ECONNRESET") return error;
  return new Error(`${message} (a port with TLS takes rediss://)`, { cause: error });
}

export function backoffMs(attempts: number): number {
  return Math.min(attempts * 50, LONGEST_BACKOFF_MS);
}

/** A client of a single Redis. It reconnects by itself, and every command has a timeout. */
export interface RedisClient {
  readonly redis: Redis;
  /** Why a command failed. The error of a command that waited for a connection does not say why. */
  reasonOf(error: unknown): unknown;
}

/** An availability for clients whose callers get each error. */
export const SILENT = { up: () => undefined, down: () => undefined };

/** The options of a client, without the server. */
export function clientOptions(timeouts: RedisTimeouts) {
  return {
    ...driverTimeouts(timeouts),
    scripts: SCRIPTS,
    enableAutoPipelining: true,
    // Each of these commands already carries all calls of a turn.
    autoPipeliningIgnoredCommands: ["findSessions", "openSessions"],
    // Waiting commands get one more connection. They are safe to repeat.
    maxRetriesPerRequest: 1,
    retryStrategy: backoffMs,
    // After a failover, the old address may be a replica. Connecting again resolves the name anew.
    reconnectOnError: (error: Error) => error.message.includes("READONLY"),
  } satisfies RedisOptions;
}

export function connectRedis(
  redisUrl: string,
  availability: Availability,
  timeouts: RedisTimeouts,
): RedisClient {
  const redis = new Redis(redisUrl, clientOptions(timeouts));
  return observed(redis, redisUrl.startsWith("rediss:"), availability);
}

/** Tell the availability of a client, and keep the reason why it is down. */
export function observed(
  redis: Redis,
  isTls: boolean,
  availability: Pick<Availability, "up" | "down">,
): RedisClient {
  let why: unknown;
  redis.on("error", (error: unknown) => {
    why = connectionError(isTls, error);
  });
  redis.on("reconnecting", () => availability.down(why ?? "connection closed"));
  redis.on("ready", () => {
    why = undefined;
    availability.up();
  });
  return { redis, reasonOf: (error) => why ?? connectionError(isTls, error) };
}
