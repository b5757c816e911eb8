import type { Address } from "../address.ts";
import { Deadlines } from "../deadlines.ts";
import { compose, type Interceptors } from "../interceptor.ts";
import { DEFAULT_POOL_LIMITS, type PoolLimits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Caller, CallOptions, Method } from "../method.ts";
import type { OneServer } from "../one-server.ts";
import { clientHello, type Greeting } from "../wire/handshake.ts";
import { Call, type ClientContext } from "./call.ts";
import { RetryBudget } from "./retry-budget.ts";
import { type Resolve, type Routing, type ServerCounts, Servers } from "./servers.ts";

/** What a client tells its servers, and how both sides verify each other. */
export interface ClientIdentity extends Omit<Greeting, "hello"> {
  /** Sent in HELLO, for the server's log. */
  readonly build?: string;
  /** Default: the system's DNS. */
  readonly resolve?: Resolve;
  /** Logs servers that are lost, cannot be used, or are back. */
  readonly log?: Log;
}

/** What a client has at the moment, and what it has counted. */
export interface ClientCounts extends ServerCounts {
  readonly retries: number;
  readonly retriesRefused: number;
  /** Retries that are allowed at once. */
  readonly retriesLeft: number;
}

/**
 * Spreads calls over several servers: of two random ones, the less loaded. A failed call is tried
 * again if that is safe, at another server if possible, within a budget and its deadline.
 */
export class Balancer implements Caller {
  readonly #servers: Servers;
  readonly #context: ClientContext;
  /** Each connection reads it when it opens. */
  readonly #greeting: Greeting;

  /** @throws {RangeError} no address */
  constructor(
    addresses: readonly Address[],
    limits: PoolLimits = DEFAULT_POOL_LIMITS,
    identity: ClientIdentity = {},
    interceptors: Interceptors = [],
  ) {
    if (addresses.length === 0) throw new RangeError("Cannot call: no server address");
    const { build = "", resolve, log, ...rest } = identity;
    this.#greeting = { ...rest, hello: clientHello(limits, build, rest.caller) };
    this.#servers = new Servers(addresses, limits, this.#greeting, resolve, log);
    this.#context = {
      servers: this.#servers,
      budget: new RetryBudget(limits),
      deadlines: new Deadlines(),
      intercept: compose(interceptors),
      counts: { retries: 0 },
    };
  }

  call<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Reply> {
    return begin(this.#context, method, request, options);
  }

  /** Each server, as DNS knows them now. */
  servers(): OneServer[] {
    return this.#servers.pools.map((pool) => {
      const only: Routing = { pick: () => pool, pickOther: () => undefined };
      const context = { ...this.#context, servers: only };
      return {
        address: pool.address,
        caller: { call: (method, request, options) => begin(context, method, request, options) },
        lost: () => (pool.isFailing ? pool.lastError : undefined),
      };
    });
  }

  /** Open connections with these from now on, and replace those that are open. */
  renew({ token, tlsCa }: Pick<Greeting, "token" | "tlsCa">): void {
    this.#greeting.token = token;
    this.#greeting.tlsCa = tlsCa;
    this.#servers.renew();
  }

  get counts(): ClientCounts {
    const { budget, counts } = this.#context;
    return {
      ...this.#servers.counts,
      retries: counts.retries,
      retriesRefused: budget.refused,
      retriesLeft: budget.left,
    };
  }

  /** Close every connection; calls in flight fail with `unavailable`. */
  close(): void {
    this.#servers.close();
  }
}

function begin<Request, Reply>(
  context: ClientContext,
  method: Method<Request, Reply>,
  request: Request,
  options: CallOptions = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    new Call(context, method, request, options, resolve, reject).begin();
  });
}
