import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Address } from "../address.ts";
import type { PoolLimits } from "../limits.ts";
import { TICK_MS } from "../liveness.ts";
import type { Log } from "../log.ts";
import type { Greeting } from "../wire/handshake.ts";
import { Pool } from "./pool.ts";
import { type PoolCounts, sumOf } from "./pool-counts.ts";
import { ServerLog } from "./server-log.ts";

/** Every IP address of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Chooses where calls go. */
export interface Routing {
  /** Where a call goes first. */
  pick(): Pool;
  /** Where a call goes next that failed at `tried`; to a lost server only if `areLost`. */
  pickOther(tried: readonly Pool[], areLost: boolean): Pool | undefined;
}

/** What all pools have at the moment, and how many addresses are up or lost. */
export interface ServerCounts extends PoolCounts {
  readonly servers: Readonly<Record<"up" | "lost", number>>;
}

const MIN_DNS_REFRESH_MS = 1000;

const askDns: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/**
 * The servers that calls can go to, with a pool for each: a host name stands for every address
 * that DNS has for it. A lost server is left out until it is back, but never more than half of
 * them: if most seem lost, the fault may be on this side.
 */
export class Servers implements Routing {
  readonly #configured: readonly Address[];
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #resolve: Resolve;
  /** Without it, nothing is logged. */
  readonly #log: Log | undefined;
  readonly #ticker: Timer;
  #pools: readonly Pool[] = [];
  /** Without those that are left out. */
  #usable: readonly Pool[] = [];
  readonly #leftOut = new Set<Pool>();
  /** DNS no longer has them, but they have calls to finish. */
  readonly #retiring = new Set<Pool>();
  /** Host name → the last answer of DNS. */
  readonly #resolved = new Map<string, readonly string[]>();
  #resolvedAt = -Infinity;
  #isResolving = false;
  #isClosed = false;

  constructor(
    addresses: readonly Address[],
    limits: PoolLimits,
    greeting: Greeting,
    resolve: Resolve = askDns,
    log?: Log,
  ) {
    this.#configured = addresses;
    this.#limits = limits;
    this.#greeting = greeting;
    this.#resolve = resolve;
    this.#log = log;
    this.#updatePools();
    this.#ticker = setInterval(this.#tick, TICK_MS);
    this.#ticker.unref();
    this.#tick();
  }

  /** One for each address. */
  get pools(): readonly Pool[] {
    return this.#pools;
  }

  pick(): Pool {
    const pool = lessLoaded(this.#usable);
    if (!pool) throw new RangeError("Cannot call: no server address");
    return pool;
  }

  pickOther(tried: readonly Pool[], areLost: boolean): Pool | undefined {
    const untried = this.#pools.filter((pool) => !tried.includes(pool));
    const serving = lessLoaded(untried.filter((pool) => !pool.isFailing));
    return serving ?? (areLost ? lessLoaded(untried) : undefined);
  }

  get counts(): ServerCounts {
    const lost = this.#pools.filter((pool) => pool.isFailing).length;
    const pools = [...this.#pools, ...this.#retiring].map(({ counts }) => counts);
    return { ...sumOf(pools), servers: { up: this.#pools.length - lost, lost } };
  }

  /** The greeting has changed. */
  renew(): void {
    for (const pool of this.#pools) pool.renew();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    for (const pool of [...this.#pools, ...this.#retiring]) pool.close();
  }

  readonly #tick = (): void => {
    const now = performance.now();
    this.#refreshDns(now, this.#limits.dnsRefreshMs);
    for (const pool of this.#pools) pool.tick(now);
    for (const pool of this.#retiring) {
      pool.tick(now);
      if (pool.isDone) this.#retiring.delete(pool);
    }
  };

  #onHealth(pool: Pool, log: ServerLog | undefined): void {
    if (!this.#pools.includes(pool)) return;
    if (!pool.isFailing) this.#leftOut.delete(pool);
    else if (this.#leftOut.size < this.#maxLeftOut) this.#leftOut.add(pool);
    this.#updateUsable();
    if (pool.isFailing && pool.lastError) log?.down(pool.lastError, pool.wasOpen);
    else if (pool.outdated.size > 0 && pool.lastError) log?.notRenewed(pool.lastError);
    else log?.up();
    // It may have moved, and DNS may know.
    if (pool.isFailing) this.#refreshDns(performance.now(), MIN_DNS_REFRESH_MS);
  }

  #refreshDns(now: number, intervalMs: number): void {
    if (this.#isResolving || now - this.#resolvedAt < intervalMs) return;
    this.#resolvedAt = now;
    this.#isResolving = true;
    const names = new Set(this.#configured.map(({ host }) => host));
    void Promise.all(Array.from(names, (host) => this.#resolveHost(host))).then(() => {
      this.#isResolving = false;
      this.#updatePools();
    });
  }

  async #resolveHost(host: string): Promise<void> {
    if (isIP(host) !== 0) return;
    try {
      const found = await this.#resolve(host);
      if (found.length > 0) this.#resolved.set(host, found);
    } catch {
      return; // Keep the last answer: a DNS server that fails is no reason to forget servers.
    }
  }

  /** Until DNS has answered, the host name itself is connected to. */
  #currentAddresses(): Address[] {
    return this.#configured.flatMap(({ host, port }) => {
      const found = this.#resolved.get(host);
      return found ? found.map((ip) => ({ host: ip, port, name: host })) : [{ host, port }];
    });
  }

  /** Have exactly one pool for each address. */
  #updatePools(): void {
    if (this.#isClosed) return;
    const before = new Map(this.#pools.map((pool) => [keyOf(pool.address), pool]));
    const current = new Map<string, Pool>();
    for (const address of this.#currentAddresses()) {
      const key = keyOf(address);
      if (!current.has(key)) current.set(key, before.get(key) ?? this.#newPool(address));
    }
    this.#pools = [...current.values()];
    for (const [key, pool] of before) {
      if (current.has(key)) continue;
      this.#leftOut.delete(pool);
      this.#retiring.add(pool);
      pool.retire();
    }
    for (const pool of this.#leftOut) {
      if (this.#leftOut.size > this.#maxLeftOut) this.#leftOut.delete(pool);
    }
    this.#updateUsable();
  }

  #newPool(address: Address): Pool {
    const log = this.#log && new ServerLog(address, this.#log);
    return new Pool(address, this.#limits, this.#greeting, (pool) => this.#onHealth(pool, log));
  }

  get #maxLeftOut(): number {
    return Math.floor(this.#pools.length / 2);
  }

  #updateUsable(): void {
    this.#usable = this.#pools.filter((pool) => !this.#leftOut.has(pool));
  }
}

function keyOf({ host, port }: Address): string {
  return `${host} ${port}`;
}

/**
 * The less loaded of two random ones: nearly as even as the least loaded of all, without sending
 * every client to the same server. A lost one comes last: a call would wait there for the next try.
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
