import type { DomainErrorName } from "../../schema/errors.ts";

/** Why a call failed on its way, after gRPC's status codes. Domain errors have their own class. */
export type RpcStatus =
  | "cancelled"
  | "invalid_argument"
  | "deadline_exceeded"
  | "resource_exhausted"
  | "unimplemented"
  | "internal"
  | "unavailable";

const STATUSES: ReadonlySet<string> = new Set<RpcStatus>([
  "cancelled",
  "invalid_argument",
  "deadline_exceeded",
  "resource_exhausted",
  "unimplemented",
  "internal",
  "unavailable",
]);

export function isRpcStatus(code: string): code is RpcStatus {
  return STATUSES.has(code);
}

export interface RpcErrorOptions extends ErrorOptions {
  /** False only where the call has certainly changed nothing: its handler did not begin, or gave up
   *  before it did anything. Default true. */
  readonly processed?: boolean;
  /** When the peer wants to be asked again, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** A call that got no answer of its method. `cause` is for logs and never crosses the wire. */
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

/** An answer out of the closed error table of schema/errors.ts: a result, not a fault. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly code: DomainErrorName;

  constructor(code: DomainErrorName, message: string = code, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
