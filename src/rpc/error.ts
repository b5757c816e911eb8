import type { DomainErrorName } from "../../schema/errors.ts";

const STATUSES = [
  "cancelled",
  "invalid_argument",
  "deadline_exceeded",
  "resource_exhausted",
  "unimplemented",
  "internal",
  "unavailable",
  "rate_limited",
  "permission_denied",
] as const;

/**
 * Why a call failed without an answer of its method. The names are gRPC's status codes, except
 * `rate_limited`. A client tries `resource_exhausted` at another server. It does not do so with
 * `rate_limited`, because all servers count the same attempts.
 */
export type RpcStatus = (typeof STATUSES)[number];

export function isRpcStatus(code: string): code is RpcStatus {
  return STATUSES.some((status) => status === code);
}

interface RpcErrorOptions extends ErrorOptions {
  /** False only if the call certainly changed nothing: its handler did not begin, or stopped before
   *  it did anything. Default: true. */
  readonly processed?: boolean;
  /** How long the caller should wait before it tries again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A call got no answer of its method. `cause` is for logs and never crosses the wire. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly status: RpcStatus;
  readonly processed: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(status: RpcStatus, message: string, options: RpcErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.processed = options.processed ?? true;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** An answer from the closed error table in schema/errors.ts: a result, not a fault. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly code: DomainErrorName;

  constructor(code: DomainErrorName, message: string = code, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
