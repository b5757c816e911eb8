import type { DomainErrorName } from "../../schema/errors.ts";
import type { Address } from "./address.ts";
import { DomainError, RpcError, type RpcStatus } from "./error.ts";
import type { Metadata, Method } from "./method.ts";
import type { Phases } from "./phases.ts";
import type { Scope } from "./scope.ts";
import type { Steps } from "./steps.ts";

/** A call as an interceptor sees it, on the client or on the server. */
export interface InterceptedCall {
  readonly method: Method<unknown, unknown>;
  readonly requestId: string;
  /** Sent with the request. A client's interceptors may add the fields of a trace. */
  readonly metadata: Metadata;
  /** Both on the clock of `performance.now()`. */
  readonly begunAt: number;
  readonly deadline: number;
  /** How its time was spent; only on the client. */
  readonly phases?: Phases;
  /** The server of the latest attempt; only on the client, once there was one. */
  readonly server?: Address | undefined;
  /** The client's IP address; only on the server. */
  readonly peer?: string;
  /** Set by tracing, for the handler; only on the server. */
  scope?: Scope | undefined;
  /** Whether the metadata may have this field. Costs less than parsing it; only on the server. */
  mayCarry?(field: string): boolean;
  /** The steps of its handler, if that has told any; only on the server. */
  readonly steps?: Steps | undefined;
}

/** How a call ended for its caller: "done" for a reply, else the error. */
export type Outcome = "done" | DomainErrorName | RpcStatus;

/**
 * Also gets the call, so that one function can serve many calls, and when it ended, on the clock of
 * `performance.now()`.
 */
export type OnEnd = (outcome: Outcome, call: InterceptedCall, endedAt: number) => void;

/**
 * Runs when a call begins. The function that it returns runs exactly once, when the call ends. An
 * interceptor is for logs, metrics and tracing: it cannot change the call, and must not throw. On
 * the server, a call ends when its answer is sent or its caller gives up, so its handler may still
 * run.
 */
export type Interceptor = (call: InterceptedCall) => OnEnd | undefined;

/** In their order. Undefined stands for an interceptor that is switched off. */
export type Interceptors = readonly (Interceptor | undefined)[];

/** Join interceptors: they begin in their order and end in reverse. Undefined if there is none. */
export function compose(interceptors: Interceptors): Interceptor | undefined {
  const [first, ...others] = interceptors;
  if (interceptors.length === 0) return undefined;
  const rest = compose(others);
  if (!first || !rest) return first ?? rest;
  return (call) => {
    const endFirst = first(call);
    const endRest = rest(call);
    if (!endFirst || !endRest) return endFirst ?? endRest;
    return (outcome, ended, endedAt) => {
      endRest(outcome, ended, endedAt);
      endFirst(outcome, ended, endedAt);
    };
  };
}

/** How a call ends that fails with `error`. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof DomainError) return error.code;
  return error instanceof RpcError ? error.status : "internal";
}
