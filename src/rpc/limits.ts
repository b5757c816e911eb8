/** The limits of one RPC endpoint; both sides announce theirs in HELLO. */
export interface Limits {
  /** Largest frame that this side reads. A longer length closes the connection at once. */
  readonly maxFrameBytes: number;
  /** Calls under way on one connection. */
  readonly maxInFlight: number;
  /** Bytes that may wait for a peer that does not read, before it is cut off. */
  readonly maxOutgoingBytes: number;
  /** From the first byte of a connection to the peer's HELLO. */
  readonly handshakeTimeoutMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxFrameBytes: 1024 * 1024,
  maxInFlight: 256,
  maxOutgoingBytes: 16 * 1024 * 1024,
  handshakeTimeoutMs: 5000,
};
