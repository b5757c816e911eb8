import type { Caller, CallOptions, Method } from "./call.ts";
import { mismatch } from "./call.ts";
import type { Address } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { RpcError } from "./error.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { type CallRequest, PendingCall } from "./pending-call.ts";
import { Pool, type PoolLimits } from "./pool.ts";

export const DEFAULT_POOL_LIMITS: PoolLimits = {
  ...DEFAULT_LIMITS,
  maxConnections: 16,
  maxIdle: 4,
  maxWaiters: 10_000,
};

const DEFAULT_TIMEOUT_MS = 5000;

/**
 * Spreads calls over the pools of several addresses: of two random ones, the less loaded. A call
 * that a server certainly did not begin is tried at the others, within its deadline.
 */
export class Balancer implements Caller {
  readonly #pools: readonly Pool[];
  readonly #deadlines = new Deadlines();

  /** @throws {RangeError} no address */
  constructor(addresses: readonly Address[], limits: PoolLimits = DEFAULT_POOL_LIMITS) {
    if (addresses.length === 0) throw new RangeError("Cannot call: no server address");
    this.#pools = addresses.map((address) => new Pool(address, limits));
  }

  call<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Reply> {
    const { requestId = "", timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    return new Promise((resolve, reject) => {
      const wanted: CallRequest = {
        method,
        body: JSON.stringify(request),
        requestId,
        deadline: performance.now() + timeoutMs,
      };
      const onReply = (reply: unknown) => {
        if (method.reply.Check(reply)) resolve(reply);
        else reject(new RpcError("internal", unreadable(method, reply)));
      };
      const attempt = (untried: readonly Pool[]) => {
        const pool = lessLoaded(untried);
        const onError = (error: Error) => {
          const others = untried.filter((other) => other !== pool);
          if (others.length > 0 && isWorthAnotherAddress(error)) attempt(others);
          else reject(error);
        };
        pool.submit(new PendingCall(wanted, this.#deadlines, onReply, onError));
      };
      attempt(this.#pools);
    });
  }

  /** Close every connection; calls under way fail with `unavailable`. */
  close(): void {
    for (const pool of this.#pools) pool.close();
  }
}

function unreadable(method: Method<unknown, unknown>, body: unknown): string {
  return `Cannot accept the reply of ${method.name}: ${mismatch(method.reply, body)}`;
}

function isWorthAnotherAddress(error: Error): boolean {
  if (!(error instanceof RpcError) || error.processed) return false;
  return error.status === "unavailable" || error.status === "resource_exhausted";
}

/** The less loaded of two random ones: nearly as even as the least of all, and never a herd. */
function lessLoaded(pools: readonly Pool[]): Pool {
  const first = Math.floor(Math.random() * pools.length);
  const second = (first + 1 + Math.floor(Math.random() * (pools.length - 1))) % pools.length;
  const [one, other] = [pools[first], pools[second]];
  if (!one || !other) throw new RangeError("Cannot choose: no pool");
  return one === other || one.load <= other.load ? one : other;
}
