import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import { checkPrimary } from "./connection.ts";
import { isDemoted } from "./errors.ts";

const MAX_WAITERS = 256;
/** A connection that was not used for this long is checked before it is used. */
const CHECK_AFTER_MS = 1_000;
const CHECK_TIMEOUT_MS = 500;
/** Connections that were opened together must not all end together. */
const AGE_JITTER = 0.25;

/** What an operator may choose. */
export interface PoolLimits {
  readonly maxConnections: number;
  /**
   * A connection of this age is closed, since DATABASE_URL's name may have moved to a new server.
   * No statement runs on it then.
   */
  readonly maxAgeMs: number;
}

export interface PoolOptions extends PoolLimits {
  /** A connection that was not used for this long is closed. */
  readonly idleMs: number;
  open(timeoutMs: number): Promise<Connection>;
  /** False if another server has become the primary. Default: always true. */
  isCurrent?(connection: Connection): boolean;
}

/** What a pool has at the moment. */
export interface PoolCounts {
  /** Statements that have a connection, or open one. */
  readonly used: number;
  readonly idle: number;
  readonly max: number;
  /** Statements that wait for one of the others. */
  readonly waiting: number;
}

/** A connection of the pool and its state. */
export class PooledConnection {
  readonly connection: Connection;
  /** Not used since it was opened, so its age is not the cause of a failure. */
  isFresh = true;
  usedAtMs = performance.now();
  readonly #pool: MysqlPool;
  readonly #generation: number;
  readonly #endsAtMs: number;
  #isLost = false;

  constructor(connection: Connection, pool: MysqlPool, generation: number, maxAgeMs: number) {
    this.connection = connection;
    this.#pool = pool;
    this.#generation = generation;
    this.#endsAtMs = this.usedAtMs + maxAgeMs * (1 - AGE_JITTER * Math.random());
    const lost = () => {
      this.#isLost = true;
    };
    connection.on("error", lost);
    connection.on("end", lost);
  }

  isGood(nowMs: number, idleMs: number): boolean {
    if (this.#isLost || this.#generation !== this.#pool.generation) return false;
    if (!this.#pool.isCurrent(this.connection)) return false;
    return nowMs < this.#endsAtMs && nowMs - this.usedAtMs < idleMs;
  }
}

/**
 * Connections to MySQL. The one that was used last is used first, so that the others become idle
 * and end. A statement holds a slot from its first to its last try, and has its own connection
 * during each.
 */
export class MysqlPool {
  /** Connections of an earlier generation are not used again. */
  generation = 0;
  readonly #options: PoolOptions;
  readonly #idle: PooledConnection[] = [];
  readonly #waiters: (() => void)[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #slotsTaken = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), options.idleMs / 4);
    this.#sweeper.unref();
  }

  get counts(): PoolCounts {
    return {
      used: this.#slotsTaken,
      idle: this.#idle.length,
      max: this.#options.maxConnections,
      waiting: this.#waiters.length,
    };
  }

  isCurrent(connection: Connection): boolean {
    return this.#options.isCurrent?.(connection) ?? true;
  }

  /** Wait until fewer than `maxConnections` slots are taken; first come, first served. */
  async acquireSlot(timeoutMs: number): Promise<void> {
    if (this.#slotsTaken < this.#options.maxConnections) {
      this.#slotsTaken++;
      return;
    }
    if (this.#waiters.length >= MAX_WAITERS) {
      throw new Error(`${MAX_WAITERS} statements are waiting for a connection`);
    }
    const slot = new Promise<void>((resolve) => this.#waiters.push(resolve));
    await withTimeout(timeoutMs, slot, () => this.releaseSlot());
  }

  releaseSlot(): void {
    const next = this.#waiters.shift();
    if (next) next();
    else this.#slotsTaken--;
  }

  /** @param mustBeFresh open a new connection, since the idle ones may be dead */
  async acquire(endsAtMs: number, mustBeFresh: boolean): Promise<PooledConnection> {
    for (;;) {
      const pooled = mustBeFresh ? undefined : this.#idle.pop();
      const nowMs = performance.now();
      if (!pooled) return this.#open(endsAtMs - nowMs);
      if (pooled.isGood(nowMs, this.#options.idleMs)) {
        if (nowMs - pooled.usedAtMs < CHECK_AFTER_MS) return pooled;
        if (await this.#works(pooled)) return pooled;
      }
      pooled.connection.destroy();
    }
  }

  release(pooled: PooledConnection): void {
    pooled.isFresh = false;
    pooled.usedAtMs = performance.now();
    if (pooled.isGood(pooled.usedAtMs, this.#options.idleMs)) this.#idle.push(pooled);
    else pooled.connection.destroy();
  }

  dropIdle(): void {
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
  }

  /** Use no existing connection again. Connections in use end when they are released. */
  drop(): void {
    this.generation++;
    this.dropIdle();
  }

  /** Connections in use end when they are released. Statements that wait fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    this.generation++;
    await Promise.allSettled(
      this.#idle.splice(0).map(async ({ connection }) => {
        await withTimeout(CHECK_TIMEOUT_MS, connection.end()).finally(() => connection.destroy());
      }),
    );
  }

  async #open(timeoutMs: number): Promise<PooledConnection> {
    const { generation } = this;
    if (this.#isClosed) throw new Error("the pool is closed");
    if (timeoutMs <= 0) throw new Error("no time is left to connect");
    const connection = await this.#options.open(timeoutMs);
    return new PooledConnection(connection, this, generation, this.#options.maxAgeMs);
  }

  /**
   * Check an idle connection. If a middlebox has forgotten the connection, bytes can be sent but no
   * answer comes. A write must not be sent on it, since the outcome of the write would be unknown.
   */
  async #works({ connection }: PooledConnection): Promise<boolean> {
    try {
      await withTimeout(CHECK_TIMEOUT_MS, checkPrimary(connection));
      return true;
    } catch (error) {
      // The other connections probably have the same problem.
      if (isDemoted(error)) this.drop();
      else this.dropIdle();
      return false;
    }
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const pooled of this.#idle.splice(0)) {
      if (pooled.isGood(nowMs, this.#options.idleMs)) this.#idle.push(pooled);
      else pooled.connection.destroy();
    }
  }
}
