import type { EnvironmentReader } from "./reader.ts";

// The limits of the RPC that have a variable each, by their names in `src/rpc/limits.ts`.

/** Of either side. */
export interface CallerLimitsConfig {
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly maxOutgoingBytes: number;
  readonly handshakeTimeoutMs: number;
}

/** Of the HTTP tier. */
export interface PoolLimitsConfig extends CallerLimitsConfig {
  readonly maxConnections: number;
  readonly maxWaiters: number;
}

/** Of the TCP tier. */
export interface ServerLimitsConfig extends CallerLimitsConfig {
  readonly maxServerConnections: number;
  readonly maxServerInFlight: number;
}

/** Room for HELLO and for `describe`, whatever is set. */
const MIN_FRAME_BYTES = 64 * 1024;
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_COUNT = 1_000_000;
const MAX_TIMEOUT_MS = 60_000;

export function readCallerLimits(reader: EnvironmentReader): CallerLimitsConfig {
  const maxFrameBytes = reader.whole("RPC_MAX_FRAME_BYTES", MIN_FRAME_BYTES, MAX_BYTES);
  return {
    maxFrameBytes,
    maxInFlight: reader.whole("RPC_MAX_IN_FLIGHT", 1, MAX_COUNT),
    maxOutgoingBytes: reader.whole("RPC_MAX_OUTGOING_BYTES", maxFrameBytes, MAX_BYTES),
    handshakeTimeoutMs: reader.whole("RPC_HANDSHAKE_TIMEOUT_MS", 1, MAX_TIMEOUT_MS),
  };
}

export function readPoolLimits(reader: EnvironmentReader): PoolLimitsConfig {
  return {
    ...readCallerLimits(reader),
    maxConnections: reader.whole("RPC_MAX_CONNECTIONS", 1, MAX_COUNT),
    maxWaiters: reader.whole("RPC_MAX_WAITERS", 1, MAX_COUNT),
  };
}

export function readServerLimits(reader: EnvironmentReader): ServerLimitsConfig {
  return {
    ...readCallerLimits(reader),
    maxServerConnections: reader.whole("RPC_MAX_SERVER_CONNECTIONS", 1, MAX_COUNT),
    maxServerInFlight: reader.whole("RPC_MAX_SERVER_IN_FLIGHT", 1, MAX_COUNT),
  };
}
