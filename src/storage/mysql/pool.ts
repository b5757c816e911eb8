import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import { isDemoted } from "./errors.ts";
import { proveWritable } from "./session.ts";

const MAX_WAITERS = 256;
/** After so long in silence a connection has to prove again that it works, before it is used. */
const PROVE_AFTER_MS = 1_000;
const PROOF_TIMEOUT_MS = 500;
/** So that connections of one moment do not all end at one moment. */
const AGE_JITTER = 0.25;

export interface PoolOptions {
  readonly maxConnections: number;
  /** A connection that was not used for so long is closed. */
  readonly idleMs: number;
  /** So is one that is so old, for DATABASE_URL's name may have moved to another server. */
  readonly maxAgeMs: number;
  open(timeoutMs: number): Promise<Connection>;
}

/** A connection of the pool, with what is known of it. */
export class PooledConnection {
  readonly connection: Connection;
  /** Not used since it was opened: what happens on it is no fault of its age. */
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
    return nowMs < this.#endsAtMs && nowMs - this.usedAtMs < idleMs;
  }
}

/**
 * Connections to MySQL, the last used first, so that the others may end. At most one statement at a
 * time uses each: it holds a turn (`takeTurn`) for as long as it is tried.
 */
export class MysqlPool {
  /** Connections of an earlier one are not used again. */
  generation = 0;
  readonly #options: PoolOptions;
  readonly #idle: PooledConnection[] = [];
  readonly #waiters: (() => void)[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #turnsTaken = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), options.idleMs / 4);
    this.#sweeper.unref();
  }

  /** Wait until fewer than `maxConnections` others have one, first come, first served. */
  async takeTurn(timeoutMs: number): Promise<void> {
    if (this.#turnsTaken < this.#options.maxConnections) {
      this.#turnsTaken++;
      return;
    }
    if (this.#waiters.length >= MAX_WAITERS) {
      throw new Error(`${MAX_WAITERS} statements are waiting for a connection`);
    }
    const turn = new Promise<void>((resolve) => this.#waiters.push(resolve));
    await withTimeout(timeoutMs, turn, () => this.endTurn());
  }

  endTurn(): void {
    const next = this.#waiters.shift();
    if (next) next();
    else this.#turnsTaken--;
  }

  /** @param mustBeFresh leave those that are open alone, as they may be dead */
  async take(endsAtMs: number, mustBeFresh: boolean): Promise<PooledConnection> {
    for (;;) {
      const pooled = mustBeFresh ? undefined : this.#idle.pop();
      const nowMs = performance.now();
      if (!pooled) return this.#open(endsAtMs - nowMs);
      if (pooled.isGood(nowMs, this.#options.idleMs)) {
        if (nowMs - pooled.usedAtMs < PROVE_AFTER_MS) return pooled;
        if (await this.#proves(pooled)) return pooled;
      }
      pooled.connection.destroy();
    }
  }

  giveBack(pooled: PooledConnection): void {
    pooled.isFresh = false;
    pooled.usedAtMs = performance.now();
    if (pooled.isGood(pooled.usedAtMs, this.#options.idleMs)) this.#idle.push(pooled);
    else pooled.connection.destroy();
  }

  dropIdle(): void {
    for (const { connection } of this.#idle.splice(0)) connection.destroy();
  }

  /** Use none of today's connections again: those in use end when they are given back. */
  drop(): void {
    this.generation++;
    this.dropIdle();
  }

  /** Those in use end when they are given back; who still waits for a turn gets no connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    this.generation++;
    await Promise.allSettled(
      this.#idle.splice(0).map(async ({ connection }) => {
        await withTimeout(PROOF_TIMEOUT_MS, connection.end()).finally(() => connection.destroy());
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
   * A connection that a middlebox has forgotten takes what is sent, and never answers: a write that
   * is sent there may or may not be carried out, so it must not be.
   */
  async #proves({ connection }: PooledConnection): Promise<boolean> {
    try {
      await withTimeout(PROOF_TIMEOUT_MS, proveWritable(connection));
      return true;
    } catch (error) {
      // Whatever has happened to it has probably happened to all.
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
