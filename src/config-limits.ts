// The limits of the RPC that have a variable each, by their names in `src/rpc/limits.ts`.

export interface RpcLimitsConfig {
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly maxServerConnections: number;
  readonly maxServerInFlight: number;
  readonly maxOutgoingBytes: number;
  readonly maxConnections: number;
  readonly maxWaiters: number;
  readonly handshakeTimeoutMs: number;
}

type VariableName =
  | "RPC_MAX_FRAME_BYTES"
  | "RPC_MAX_IN_FLIGHT"
  | "RPC_MAX_SERVER_CONNECTIONS"
  | "RPC_MAX_SERVER_IN_FLIGHT"
  | "RPC_MAX_OUTGOING_BYTES"
  | "RPC_MAX_CONNECTIONS"
  | "RPC_MAX_WAITERS"
  | "RPC_HANDSHAKE_TIMEOUT_MS";

/** Room for HELLO and for `describe`, whatever is set. */
const MIN_FRAME_BYTES = 64 * 1024;
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_COUNT = 1_000_000;
const MAX_TIMEOUT_MS = 60_000;

/** @param whole reads a variable as a whole number, and keeps what is wrong with it */
export function readRpcLimits(
  whole: (name: VariableName, lowest: number, highest: number) => number,
): RpcLimitsConfig {
  const maxFrameBytes = whole("RPC_MAX_FRAME_BYTES", MIN_FRAME_BYTES, MAX_BYTES);
  return {
    maxFrameBytes,
    maxInFlight: whole("RPC_MAX_IN_FLIGHT", 1, MAX_COUNT),
    maxServerConnections: whole("RPC_MAX_SERVER_CONNECTIONS", 1, MAX_COUNT),
    maxServerInFlight: whole("RPC_MAX_SERVER_IN_FLIGHT", 1, MAX_COUNT),
    maxOutgoingBytes: whole("RPC_MAX_OUTGOING_BYTES", maxFrameBytes, MAX_BYTES),
    maxConnections: whole("RPC_MAX_CONNECTIONS", 1, MAX_COUNT),
    maxWaiters: whole("RPC_MAX_WAITERS", 1, MAX_COUNT),
    handshakeTimeoutMs: whole("RPC_HANDSHAKE_TIMEOUT_MS", 1, MAX_TIMEOUT_MS),
  };
}
