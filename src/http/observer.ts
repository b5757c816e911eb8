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
  /** Set by the tracing. */
  traceId: string | undefined;
}

/**
 * Runs once for each request, before its answer is sent. It is for logs, metrics and tracing: it
 * must not change the request, and must not throw.
 */
export type OnAnswered = (answered: Answered) => void;
