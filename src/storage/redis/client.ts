import { Redis } from "ioredis";
import { errorField } from "../attempt.ts";
import type { Availability } from "../availability.ts";
import { SCRIPTS } from "./scripts.ts";

const LONGEST_BACKOFF_MS = 500;

/** How long anything may take on a connection to Redis, to one server or to a node of a cluster. */
export const TIMEOUTS = {
  connectTimeout: 1_000,
  /** Counted from when a command is sent. With auto-pipelining it may first wait for another's. */
  commandTimeout: 1_000,
  /** A connection on which an answer is due, and nothing comes for so long, is given up. */
  socketTimeout: 2_000,
} as const;

/** The server's certificate is not what `rediss://` asks for: trying again would not help. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** The error of a connection, with a hint where the two ends may differ about TLS. */
export function connectionError(isTls: boolean, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  const code = errorField(error, "code") ?? "";
  if (/^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)) {
    const hint = "NODE_EXTRA_CA_CERTS names a CA of one's own";
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

/** A client of one Redis that reconnects by itself, and where every command's wait is bounded. */
export interface RedisClient {
  readonly redis: Redis;
  /** Why a command has failed: where it waited in vain for a connection, its error does not say. */
  reasonOf(error: unknown): unknown;
}

export function connectRedis(redisUrl: string, availability: Availability): RedisClient {
  const isTls = redisUrl.startsWith("rediss:");
  const redis = new Redis(redisUrl, {
    ...TIMEOUTS,
    scripts: SCRIPTS,
    enableAutoPipelining: true,
    // Those that have been gathered already.
    autoPipeliningIgnoredCommands: ["findSessions", "openSessions"],
    // One more connection is tried for commands that wait; what they ask for is safe to repeat.
    maxRetriesPerRequest: 1,
    retryStrategy: backoffMs,
    // After a failover the old address may lead to a replica; its name resolves anew.
    reconnectOnError: (error) => error.message.includes("READONLY"),
  });
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
