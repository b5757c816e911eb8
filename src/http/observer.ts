import type { Scope } from "../rpc/scope.ts";

/** A request that has its answer, as an observer sees it. */
export interface Answered {
  readonly requestId: string;
  /** Undefined if Bun failed outside of the handlers: it does not say for which request. */
  readonly request: Request | undefined;
  /** Bun closes a connection that sends a method it does not know, so the names are few. */
  readonly method: string;
  /**
   * The pattern of the URL table, such as `/avatars/:name`, never the path; "unrouted" for a 404 or
   * 405 of the table, "failed" for a failure outside of the handlers.
   */
  readonly route: string;
  readonly status: number;
  /** On the clock of `performance.now()`. */
  readonly begunAt: number;
  readonly ms: number;
  /** What the handler has thrown; undefined if it has returned an answer. */
  readonly problem: unknown;
  /**
   * The address of the client. It is only known until the observer returns, and costs more than the
   * rest: read it if needed.
   */
  readonly address: string;
  /** The size of the answer's body; undefined if it is not known. */
  readonly bytes: number | undefined;
  /** Where its time went, by step, in milliseconds. Costs too much for every request. */
  spent(): readonly (readonly [string, number])[];
  /**
   * Of the request's trace, else of the client's `traceparent`, if traces are on. Costs time if the
   * request is not traced.
   */
  readonly traceId: string | undefined;
}

/** A request that has arrived, as tracing sees it. */
export interface Received extends Pick<Answered, "requestId" | "method" | "route"> {
  readonly request: Request;
  /** Whether TRUSTED_PROXIES is set. */
  readonly hasTrustedProxies: boolean;
  /** Whether the peer of the socket is in TRUSTED_PROXIES. Costs time. */
  readonly isFromTrustedProxy: boolean;
}

/** What the handler of a traced request runs in. */
export interface RequestScope extends Scope {
  /** Called once, before the answer is sent. */
  end(answered: Answered): void;
}

/** Traces requests. Its functions must not throw. */
export interface RequestTracing {
  /** Runs when a request arrives. Returns undefined if the request is not traced. */
  begin(received: Received): RequestScope | undefined;
  /** The id of the trace that the client says the request belongs to. */
  idOf(request: Request): string | undefined;
}

/**
 * Runs once for each request, before its answer is sent. It is for logs, metrics and tracing: it
 * must not change the request, and must not throw.
 */
export type OnAnswered = (answered: Answered) => void;

/** One observer that calls both, in their order. */
export function bothAnswered(first: OnAnswered | undefined, second: OnAnswered): OnAnswered {
  if (!first) return second;
  return (answered) => {
    first(answered);
    second(answered);
  };
}
