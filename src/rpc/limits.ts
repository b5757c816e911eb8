/** The limits of one side of a connection. HELLO announces the first two. */
export interface Limits {
  /** Largest frame that this side reads. A longer length closes the connection at once. */
  readonly maxFrameBytes: number;
  /** Calls in flight on one connection. */
  readonly maxInFlight: number;
  /** Bytes that may wait for the peer to read. If there are more, the connection is closed. */
  readonly maxOutgoingBytes: number;
  /** From the first byte of a connection to the peer's HELLO. */
  readonly handshakeTimeoutMs: number;
  /** From one PING to the next, whatever else is sent. */
  readonly pingIntervalMs: number;
  /** A connection closes after `pingIntervalMs` and this time without a byte from the peer. */
  readonly pingTimeoutMs: number;
}

export interface ServerLimits extends Limits {
  /** Connections of all clients together. Further ones are closed at once. */
  readonly maxServerConnections: number;
  /** Connections that may not call yet: TLS, HELLO or the token's proof is outstanding. A further
   *  one closes the oldest. At most half of `maxServerConnections`, but at least 16. */
  readonly maxUnprovedConnections: number;
  /** Handlers that run for all connections together, including those whose caller has given up.
   *  Further calls are refused before they begin. */
  readonly maxServerInFlight: number;
}

export interface BackoffLimits {
  /** About the time between two attempts to reach a lost server. It doubles with every failure, up
   *  to the maximum, which bounds how long a server's return goes unnoticed. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

export interface RetryLimits {
  /** Retries per call: 0.1 is one retry for ten calls. */
  readonly retryShare: number;
  /** Retries that are always allowed, per second. */
  readonly retriesPerSecond: number;
  /** Unused retries that are saved for the moment when a server is lost. */
  readonly maxSavedRetries: number;
}

export interface PoolLimits extends Limits, RetryLimits, BackoffLimits {
  readonly maxConnections: number;
  /**
   * Calls in flight on a connection before the pool also uses another open one. With more, each
   * write carries more frames, which saves CPU time. But if one connection carries all calls, the
   * client and the server take turns instead of working at the same time.
   */
  readonly packedInFlight: number;
  /** From connecting to the server's HELLO; `handshakeTimeoutMs` if that is less. Shorter than the
   *  usual deadline of a call, so that time is left for another address. */
  readonly connectTimeoutMs: number;
  /** Connections that are opened ahead and kept even if no call needs them. */
  readonly minIdle: number;
  /** Connections without a call in flight that are kept. */
  readonly maxIdle: number;
  /** How long idle connections beyond `minIdle` are kept. */
  readonly idleTimeoutMs: number;
  /** The age at which a connection is replaced, ±10 %, so that new servers get load. */
  readonly maxAgeMs: number;
  /** Calls that may wait for a connection. */
  readonly maxWaiters: number;
  /** How often the addresses of a host name are looked up again. */
  readonly dnsRefreshMs: number;
}

const LIMITS: Limits = {
  maxFrameBytes: 1024 * 1024,
  maxInFlight: 256,
  maxOutgoingBytes: 16 * 1024 * 1024,
  handshakeTimeoutMs: 5000,
  pingIntervalMs: 5000,
  pingTimeoutMs: 5000,
};

export const DEFAULT_LIMITS: ServerLimits = {
  ...LIMITS,
  maxServerConnections: 1024,
  maxUnprovedConnections: 128,
  maxServerInFlight: 4096,
};

export const DEFAULT_POOL_LIMITS: PoolLimits = {
  ...LIMITS,
  packedInFlight: 32,
  connectTimeoutMs: 2000,
  maxConnections: 16,
  minIdle: 2,
  maxIdle: 4,
  idleTimeoutMs: 60_000,
  maxAgeMs: 30 * 60_000,
  maxWaiters: 10_000,
  minBackoffMs: 200,
  maxBackoffMs: 1000,
  dnsRefreshMs: 10_000,
  retryShare: 0.1,
  retriesPerSecond: 100,
  maxSavedRetries: 1000,
};
