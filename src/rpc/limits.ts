/** The limits of one RPC endpoint; both sides announce the first two in HELLO. */
export interface Limits {
  /** Largest frame that this side reads. A longer length closes the connection at once. */
  readonly maxFrameBytes: number;
  /** Calls under way on one connection. */
  readonly maxInFlight: number;
  /** Bytes that may wait for a peer that does not read, before it is cut off. */
  readonly maxOutgoingBytes: number;
  /** From the first byte of a connection to the peer's HELLO. */
  readonly handshakeTimeoutMs: number;
  /** From one PING to the next, whatever else is sent. */
  readonly pingIntervalMs: number;
  /** Without a byte from the peer for so long, and `pingIntervalMs` more, it is closed. */
  readonly pingTimeoutMs: number;
}

export interface ServerLimits extends Limits {
  /** Connections of all clients together; more are closed at once. */
  readonly maxServerConnections: number;
  /** Connections that have not greeted yet, TLS and the token's proof included; the oldest is
   *  closed for one more. Where there may be few connections at all, about half of them. */
  readonly maxUnprovedConnections: number;
  /** Handlers that run for all connections together, also those whose caller is gone; more calls
   *  are refused before they begin. */
  readonly maxServerInFlight: number;
}

export interface BackoffLimits {
  /** About how long it is from one try at a lost server to the next; doubled with every failure,
   *  up to the maximum: it is how long a server's return may go unnoticed. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

export interface RetryLimits {
  /** Retries for each call, as a share: 0.1 is one for ten. */
  readonly retryShare: number;
  /** Retries that are always allowed, per second. */
  readonly retriesPerSecond: number;
  /** Retries that can be saved up for the moment in which a server is lost. */
  readonly maxSavedRetries: number;
}

export interface PoolLimits extends Limits, RetryLimits, BackoffLimits {
  readonly maxConnections: number;
  /**
   * Calls in flight on a connection before another open one is used as well. The more, the better
   * writes gather, which saves CPU time; but where all are on one connection, client and server
   * only ever work in turns.
   */
  readonly packedInFlight: number;
  /** To the server's HELLO, where that is sooner than `handshakeTimeoutMs`. Less than a call's
   *  usual deadline: what is left of it is enough for another address. */
  readonly connectTimeoutMs: number;
  /** Connections that are kept, and opened ahead, though no call needs them. */
  readonly minIdle: number;
  /** Connections without a call in flight that are kept. */
  readonly maxIdle: number;
  /** How long those beyond `minIdle` are kept. */
  readonly idleTimeoutMs: number;
  /** About when a connection is replaced, so that load finds its way to new servers. */
  readonly maxAgeMs: number;
  /** Calls that may wait for a connection. */
  readonly maxWaiters: number;
  /** How often DNS is asked for the addresses behind a host name. */
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
