import type { Resolve } from "./addresses.ts";
import type { Caller, CallOptions, Method } from "./call.ts";
import { mismatch } from "./call.ts";
import type { Address } from "./connect.ts";
import { Deadlines } from "./deadlines.ts";
import { RpcError } from "./error.ts";
import type { Greeting } from "./greeting.ts";
import { helloTemplate } from "./hello.ts";
import { compose, type Interceptor, outcomeOf } from "./interceptor.ts";
import { DEFAULT_POOL_LIMITS, type PoolLimits } from "./limits.ts";
import { type CallRequest, PendingCall } from "./pending-call.ts";
import { Phases } from "./phases.ts";
import type { Pool } from "./pool.ts";
import { RetryBudget } from "./retry-budget.ts";
import { Servers } from "./servers.ts";

export { DEFAULT_POOL_LIMITS } from "./limits.ts";

const DEFAULT_TIMEOUT_MS = 5000;

/** Who calls, and how it and its servers know each other. */
export interface ClientIdentity extends Omit<Greeting, "hello"> {
  /** Said in HELLO, for the logs of the other side. */
  readonly build?: string;
  /** Every IP address of a host name. Default: what the system's DNS says. */
  readonly resolve?: Resolve;
}

/**
 * Spreads calls over several servers: of two random ones, the less loaded. A call that failed is
 * tried again where that does no harm, at another server first, within a budget and its deadline.
 */
export class Balancer implements Caller {
  readonly #servers: Servers;
  readonly #budget: RetryBudget;
  readonly #deadlines = new Deadlines();
  readonly #intercept: Interceptor | undefined;

  /** @throws {RangeError} no address */
  constructor(
    addresses: readonly Address[],
    limits: PoolLimits = DEFAULT_POOL_LIMITS,
    identity: ClientIdentity = {},
    interceptors: readonly Interceptor[] = [],
  ) {
    if (addresses.length === 0) throw new RangeError("Cannot call: no server address");
    const { build = "", token, tlsCa, resolve } = identity;
    const greeting: Greeting = { hello: helloTemplate(limits, build), token, tlsCa };
    this.#intercept = compose(interceptors);
    this.#budget = new RetryBudget(limits);
    this.#servers = new Servers(addresses, limits, greeting, resolve);
  }

  call<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Reply> {
    const { requestId = "", timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const begunAt = performance.now();
    return new Promise((resolve, reject) => {
      const wanted: CallRequest = {
        method,
        body: JSON.stringify(request),
        requestId,
        begunAt,
        deadline: begunAt + timeoutMs,
        phases: new Phases(begunAt),
      };
      const onEnd = this.#intercept?.(wanted);
      let current: PendingCall;
      let pool: Pool;
      const tried: Pool[] = [];
      const onAbort = () => current.cancel();
      const fail = (error: Error) => {
        signal?.removeEventListener("abort", onAbort);
        onEnd?.(outcomeOf(error));
        reject(error);
      };
      const onReply = (reply: unknown) => {
        if (!method.reply.Check(reply)) {
          return fail(new RpcError("internal", unreadable(method, reply)));
        }
        signal?.removeEventListener("abort", onAbort);
        onEnd?.("done");
        resolve(reply);
      };
      const onError = (error: Error) => {
        const next = this.#next(error, current, pool, tried);
        if (next) attempt(next);
        else fail(error);
      };
      const attempt = (chosen: Pool) => {
        pool = chosen;
        current = new PendingCall(wanted, this.#deadlines, onReply, onError);
        pool.submit(current);
      };
      this.#budget.earn();
      signal?.addEventListener("abort", onAbort);
      attempt(this.#servers.pick());
      if (signal?.aborted) onAbort();
    });
  }

  /** Where a failed call is tried next; undefined where its error is the answer. */
  #next(error: Error, call: PendingCall, pool: Pool, tried: Pool[]): Pool | undefined {
    const { method, deadline } = call.request;
    if (!isWorthAnotherTry(error, method) || performance.now() >= deadline) return undefined;
    const isSecondTry = tried.includes(pool);
    tried.push(pool);
    const isSent = call.id !== 0;
    // The same address again, once, and only where it was not the address that refused.
    const isLost = isSent && error.status === "unavailable" && !isSecondTry;
    const next = this.#servers.pickOther(tried) ?? (isLost ? pool : undefined);
    // What never left this process is no load for anybody: it only looks for a server.
    return next && (!isSent || this.#budget.take()) ? next : undefined;
  }

  /** Close every connection; calls under way fail with `unavailable`. */
  close(): void {
    this.#servers.close();
  }
}

function unreadable(method: Method<unknown, unknown>, body: unknown): string {
  return `Cannot accept the reply of ${method.name}: ${mismatch(method.reply, body)}`;
}

function isWorthAnotherTry(error: Error, method: Method<unknown, unknown>): error is RpcError {
  if (!(error instanceof RpcError) || (error.processed && !method.idempotent)) return false;
  return error.status === "unavailable" || error.status === "resource_exhausted";
}
