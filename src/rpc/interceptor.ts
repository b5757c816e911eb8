import type { DomainErrorName } from "../../schema/errors.ts";
import { DomainError, RpcError, type RpcStatus } from "./error.ts";
import type { Method } from "./method.ts";
import type { Phases } from "./phases.ts";

/** The metadata of a REQUEST: `requestId`, and what tracing adds. */
export type Metadata = Record<string, unknown>;

/** A call as an interceptor sees it, on the client or on the server. */
export interface InterceptedCall {
  readonly method: Method<unknown, unknown>;
  readonly requestId: string;
  /** What travels beside the request; a client's interceptors may add what a trace needs. */
  readonly metadata: Metadata;
  /** On the clock of `performance.now()`, as the deadline. */
  readonly begunAt: number;
  readonly deadline: number;
  /** Where its time goes; only the client knows. */
  readonly phases?: Phases;
}

/** How a call ended for its caller: answered, or with this error. */
export type Outcome = "done" | DomainErrorName | RpcStatus;

/** Gets the call that it was made for, so that one function can do for many calls. */
export type OnEnd = (outcome: Outcome, call: InterceptedCall) => void;

/**
 * Runs where a call begins; what it returns runs where that call ends, exactly once. It is for
 * logs, metrics and tracing alone: it sees both moments and can change neither, and what it has to
 * remember around the call is in its closure, or can be read of the call. It must not throw. On
 * the server, the call ends when its caller gets or gives up the answer, which may be before the
 * handler is through.
 */
export type Interceptor = (call: InterceptedCall) => OnEnd | undefined;

/** In their order; undefined stands for one whom nobody would hear. */
export type Interceptors = readonly (Interceptor | undefined)[];

/** One interceptor out of many: they begin in their order and end in reverse. None is undefined. */
export function compose(interceptors: Interceptors): Interceptor | undefined {
  const [first, ...others] = interceptors;
  if (interceptors.length === 0) return undefined;
  const rest = compose(others);
  if (!first || !rest) return first ?? rest;
  return (call) => {
    const endFirst = first(call);
    const endRest = rest(call);
    if (!endFirst || !endRest) return endFirst ?? endRest;
    return (outcome, ended) => {
      endRest(outcome, ended);
      endFirst(outcome, ended);
    };
  };
}

/** What a call that failed with `error` ended with; what nobody declared is `internal`. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof DomainError) return error.code;
  return error instanceof RpcError ? error.status : "internal";
}
