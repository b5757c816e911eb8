import type { Address } from "../address.ts";
import { RpcError } from "../error.ts";
import type { PoolLimits } from "../limits.ts";
import type { Greeting } from "../wire/greeting.ts";
import type { Attempt, AttemptHolder } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { FreeConnections } from "./free-connections.ts";

/** What a pool tells its balancer. */
export interface PoolOwner {
  /** Its server was lost, or serves again: `isFailing` has changed, or it failed once more. */
  onHealth(pool: Pool): void;
}

/**
 * The connections to one address. A call takes a connection with a free slot; below the maximum
 * a new one is opened; at the maximum the call waits in a bounded queue, first come first served,
 * within its deadline. With one call in flight per connection it is the classic pool.
 */
export class Pool implements AttemptHolder, ConnectionOwner {
  readonly address: Address;
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #owner: PoolOwner;
  /** Not greeted yet. */
  readonly #opening = new Set<Connection>();
  /** Greeted, with or without a free slot; until when each is kept, on `performance.now()`. */
  readonly #open = new Map<Connection, number>();
  /** Those that take no more calls, but have some to finish. */
  readonly #leaving = new Set<Connection>();
  readonly #free: FreeConnections;
  /** While a call waits here, no connection has a free slot. */
  readonly #waiters = new Set<Attempt>();
  readonly #backoff: Backoff;
  /** Why its server was lost, where it was. */
  lostBy: RpcError | undefined;
  /** Its server has greeted, if only once. */
  wasOpen = false;
  /** Takes no more calls but those that wait. */
  #retired = false;
  #closed = false;

  constructor(address: Address, limits: PoolLimits, greeting: Greeting, owner: PoolOwner) {
    this.address = address;
    this.#limits = limits;
    this.#greeting = greeting;
    this.#owner = owner;
    this.#free = new FreeConnections(limits.packedInFlight);
    this.#backoff = new Backoff(limits, () => this.#retry());
  }

  /** Calls waiting or in flight. */
  get load(): number {
    let load = this.#waiters.size;
    for (const connection of this.#open.keys()) load += connection.inFlight;
    return load;
  }

  /** Its server was lost, and has not been seen since. */
  get isFailing(): boolean {
    return this.#backoff.isFailing && this.#open.size === 0;
  }

  submit(call: Attempt): void {
    const connection = this.#free.pick();
    if (connection) return this.#send(connection, call);
    if (this.#closed) return call.fail(this.#refusal("unavailable", "the client is closed"));
    if (this.#waiters.size >= this.#limits.maxWaiters) {
      const why = `${this.#waiters.size} calls wait for a connection already`;
      return call.fail(this.#refusal("resource_exhausted", why));
    }
    call.holder = this;
    this.#waiters.add(call);
    call.call.phases.enter(this.#waitPhase, performance.now());
    this.#openIfNeeded();
  }

  drop(call: Attempt): void {
    this.#waiters.delete(call);
  }

  /** Close every connection; calls that wait or are in flight fail with `unavailable`. */
  close(): void {
    this.#closed = true;
    this.#retired = true;
    this.#backoff.end();
    const connections = [...this.#opening, ...this.#open.keys(), ...this.#leaving];
    for (const connection of connections) connection.close();
    this.#failWaiters(this.#refusal("unavailable", "the client is closed"));
  }

  /** Take no more calls: finish what is here, then let go of every connection. */
  retire(): void {
    this.#retired = true;
    if (this.#waiters.size > 0) return;
    this.#backoff.end();
    for (const connection of [...this.#open.keys()]) this.#leave(connection);
    for (const connection of [...this.#opening]) connection.close();
  }

  /** Whether it is retired and has nothing left. */
  get isDone(): boolean {
    const connections = this.#opening.size + this.#open.size + this.#leaving.size;
    return this.#retired && this.#waiters.size + connections === 0;
  }

  /** Once a tick: look after what is open, and open ahead. */
  tick(now: number): void {
    for (const connection of [...this.#open.keys(), ...this.#leaving]) connection.tick();
    if (this.#retired) return this.retire();
    const { idleTimeoutMs, maxIdle, maxConnections } = this.#limits;
    const minIdle = Math.min(this.#limits.minIdle, maxIdle, maxConnections);
    for (const [connection, keptUntil] of this.#open) {
      const isSpare = connection.idleMs >= idleTimeoutMs && this.#open.size > minIdle;
      if (isSpare || now >= keptUntil) this.#leave(connection);
    }
    const isShort = this.#open.size < minIdle && this.#opening.size === 0;
    if (isShort && !this.#backoff.isFailing) this.#openOne();
    this.#openIfNeeded();
  }

  onOpen(connection: Connection): void {
    if (!this.#opening.delete(connection)) return;
    // Jitter: connections that were opened together must not all be replaced at once.
    const keptMs = this.#limits.maxAgeMs * (0.9 + 0.2 * Math.random());
    const wasFailing = this.isFailing;
    this.wasOpen = true;
    this.#open.set(connection, performance.now() + keptMs);
    this.#backoff.end();
    if (wasFailing) this.#owner.onHealth(this);
    this.onRelease(connection);
    const now = performance.now();
    for (const call of this.#waiters) call.call.phases.enter(this.#waitPhase, now);
    this.#openIfNeeded();
  }

  /** A slot is free: the longest waiter gets it, else the connection rests or goes. */
  onRelease(connection: Connection): void {
    if (!connection.hasFreeSlot) return;
    this.#free.add(connection);
    if (this.#waiters.size > 0) this.#handOver();
    if (connection.inFlight > 0) return;
    if (this.#retired || this.#free.idle > this.#limits.maxIdle) this.#leave(connection);
  }

  onGoAway(connection: Connection): void {
    this.#forget(connection);
    this.#leaving.add(connection);
    // What says so is a server that shuts down: it is as good as lost.
    if (this.#open.size === 0) this.#fail(this.#refusal("unavailable", "it is shutting down"));
    this.#openIfNeeded();
  }

  onClose(connection: Connection, error: RpcError): void {
    if (this.#leaving.delete(connection)) return;
    if (this.#opening.delete(connection)) {
      this.#fail(error);
      // Others may still come, or serve: only where none can does waiting make no sense.
      if (this.#opening.size + this.#open.size === 0) this.#failWaiters(error);
      return;
    }
    this.#forget(connection);
    if (this.#open.size === 0) this.#fail(error);
    this.#openIfNeeded();
  }

  /**
   * No connection is left, or no more can be had. That is tried again, but no more often than the
   * backoff says: calls that come meanwhile wait for that one try.
   */
  #fail(error: RpcError): void {
    if (this.#retired) return;
    this.lostBy = error;
    this.#backoff.fail();
    if (this.#open.size === 0) this.#owner.onHealth(this);
  }

  #retry(): void {
    const isWanted = this.#open.size === 0 || this.#waiters.size > 0;
    if (!isWanted) this.#backoff.end();
    else if (this.#opening.size === 0) this.#openOne();
  }

  get #waitPhase(): "waiting for a connection" | "connecting" {
    return this.#open.size > 0 ? "waiting for a connection" : "connecting";
  }

  #send(connection: Connection, call: Attempt): void {
    connection.send(call);
    if (!connection.hasFreeSlot) this.#free.delete(connection);
  }

  #handOver(): void {
    for (const call of this.#waiters) {
      const connection = this.#free.pick();
      if (!connection) return;
      this.#waiters.delete(call);
      this.#send(connection, call);
    }
  }

  /** Open connections for the calls that wait, as many as will be needed and no more. */
  #openIfNeeded(): void {
    const { maxConnections, maxInFlight } = this.#limits;
    while (
      !this.#closed &&
      !this.#backoff.isFailing &&
      this.#waiters.size > this.#opening.size * maxInFlight &&
      this.#open.size + this.#opening.size < maxConnections
    ) {
      this.#openOne();
    }
  }

  #openOne(): void {
    this.#backoff.begin();
    this.#opening.add(new Connection(this.address, this.#limits, this.#greeting, this));
  }

  /** Let a connection go once its calls have ended. */
  #leave(connection: Connection): void {
    this.#forget(connection);
    this.#leaving.add(connection);
    connection.retire();
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    this.#free.delete(connection);
  }

  #failWaiters(error: RpcError): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const call of waiters) call.fail(error);
  }

  #refusal(status: "unavailable" | "resource_exhausted", why: string): RpcError {
    const message = `Cannot reach ${this.address.host}:${this.address.port}: ${why}`;
    return new RpcError(status, message, { processed: false, retryAfterMs: 1000 });
  }
}
