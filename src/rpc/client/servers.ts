import type { Address } from "../address.ts";
import type { RpcError } from "../error.ts";
import type { PoolLimits } from "../limits.ts";
import { TICK_MS } from "../liveness.ts";
import type { Log } from "../log.ts";
import { FrameError } from "../wire/frame.ts";
import type { Greeting } from "../wire/handshake.ts";
import { Addresses, keyOf, type Resolve } from "./addresses.ts";
import { Pool } from "./pool.ts";
import { ServerPresence } from "./server-presence.ts";
import { TlsError } from "./socket.ts";

/**
 * The servers that calls can go to, a pool for each. One that is lost is left out until it is
 * back, but never more than half of them: where most seem lost, it may be this side that errs.
 */
export class Servers {
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #addresses: Addresses;
  readonly #ticker: Timer;
  #pools: readonly Pool[] = [];
  /** Without those that are left out. */
  #usable: readonly Pool[] = [];
  readonly #leftOut = new Set<Pool>();
  /** Without a log, none is told of. */
  readonly #log: Log | undefined;
  readonly #presences = new WeakMap<Pool, ServerPresence>();
  /** No longer in DNS, and with calls to finish. */
  readonly #retiring = new Set<Pool>();
  #closed = false;

  constructor(
    addresses: readonly Address[],
    limits: PoolLimits,
    greeting: Greeting,
    resolve?: Resolve,
    log?: Log,
  ) {
    this.#log = log;
    this.#limits = limits;
    this.#greeting = greeting;
    const onChange = (current: readonly Address[]) => this.#use(current);
    this.#addresses = new Addresses(addresses, limits.dnsRefreshMs, onChange, resolve);
    this.#use(this.#addresses.current);
    this.#ticker = setInterval(this.#tick, TICK_MS);
    this.#ticker.unref();
    this.#tick();
  }

  /** Where a call goes first. */
  pick(): Pool {
    const pool = lessLoaded(this.#usable);
    if (!pool) throw new RangeError("Cannot call: no server address");
    return pool;
  }

  /** Where a call goes that failed at these; to one that is lost only where all are. */
  pickOther(tried: readonly Pool[], areLost: boolean): Pool | undefined {
    const untried = this.#pools.filter((pool) => !tried.includes(pool));
    const serving = lessLoaded(untried.filter((pool) => !pool.isFailing));
    return serving ?? (areLost ? lessLoaded(untried) : undefined);
  }

  #onHealth(pool: Pool): void {
    if (!this.#pools.includes(pool)) return;
    if (!pool.isFailing) this.#leftOut.delete(pool);
    else if (this.#leftOut.size < Math.floor(this.#pools.length / 2)) this.#leftOut.add(pool);
    this.#usable = this.#pools.filter((each) => !this.#leftOut.has(each));
    this.#tell(pool);
    // Perhaps it has moved, and DNS knows.
    if (pool.isFailing) this.#addresses.refresh(performance.now(), true);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#ticker);
    for (const pool of [...this.#pools, ...this.#retiring]) pool.close();
  }

  #tell(pool: Pool): void {
    if (!this.#log) return;
    const presence = this.#presences.get(pool) ?? new ServerPresence(pool.address, this.#log);
    this.#presences.set(pool, presence);
    const { isFailing, lostBy, wasOpen } = pool;
    if (isFailing && lostBy) presence.down(lostBy, isRefusal(lostBy), wasOpen);
    else presence.up();
  }

  #use(addresses: readonly Address[]): void {
    if (this.#closed) return;
    const known = new Map(this.#pools.map((pool) => [keyOf(pool.address), pool]));
    const before = this.#pools;
    this.#pools = addresses.map(
      (address) =>
        known.get(keyOf(address)) ??
        new Pool(address, this.#limits, this.#greeting, (pool) => this.#onHealth(pool)),
    );
    for (const pool of before) {
      if (this.#pools.includes(pool)) continue;
      this.#leftOut.delete(pool);
      this.#retiring.add(pool);
      pool.retire();
    }
    // With fewer servers, fewer may be left out.
    for (const pool of this.#leftOut) {
      if (this.#leftOut.size > Math.floor(this.#pools.length / 2)) this.#leftOut.delete(pool);
    }
    this.#usable = this.#pools.filter((each) => !this.#leftOut.has(each));
  }

  readonly #tick = (): void => {
    const now = performance.now();
    this.#addresses.refresh(now, false);
    for (const pool of this.#pools) pool.tick(now);
    for (const pool of this.#retiring) {
      pool.tick(now);
      if (pool.isDone) this.#retiring.delete(pool);
    }
  };
}

/** One side does not want the other. What is merely gone comes back by itself. */
function isRefusal({ cause }: RpcError): boolean {
  return cause instanceof FrameError || cause instanceof TlsError;
}

/**
 * The less loaded of two random ones: nearly as even as the least of all, and never a herd. One
 * that is lost comes last: a call would wait there for the next try.
 */
function lessLoaded(pools: readonly Pool[]): Pool | undefined {
  if (pools.length < 2) return pools[0];
  const first = Math.floor(Math.random() * pools.length);
  const second = (first + 1 + Math.floor(Math.random() * (pools.length - 1))) % pools.length;
  const [one, other] = [pools[first], pools[second]];
  if (!one || !other) return one ?? other;
  if (one.isFailing !== other.isFailing) return one.isFailing ? other : one;
  return one.load <= other.load ? one : other;
}
