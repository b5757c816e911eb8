import { type Address, Connection, type ConnectionOwner } from "./connection.ts";
import { RpcError } from "./error.ts";
import type { Limits } from "./limits.ts";
import type { CallHolder, PendingCall } from "./pending-call.ts";

export interface PoolLimits extends Limits {
  readonly maxConnections: number;
  /** Connections without a call in flight that are kept. */
  readonly maxIdle: number;
  /** Calls that may wait for a connection. */
  readonly maxWaiters: number;
}

/**
 * The connections to one address. A call takes a connection with a free slot; below the maximum
 * a new one is opened; at the maximum the call waits in a bounded queue, first come first served,
 * within its deadline. With one call in flight per connection it is the classic pool.
 */
export class Pool implements CallHolder, ConnectionOwner {
  readonly waitingFor = "a connection";
  readonly #address: Address;
  readonly #limits: PoolLimits;
  /** Not greeted yet. */
  readonly #opening = new Set<Connection>();
  /** Greeted, with or without a free slot. */
  readonly #open = new Set<Connection>();
  /** Those with a free slot. Taken from the end, so that calls stay packed on few connections:
   *  their writes gather better, and the rest can be closed. */
  readonly #free: Connection[] = [];
  /** While a call waits here, no connection has a free slot. */
  readonly #waiters = new Set<PendingCall>();
  #closed = false;

  constructor(address: Address, limits: PoolLimits) {
    this.#address = address;
    this.#limits = limits;
  }

  /** Calls waiting or in flight. */
  get load(): number {
    let load = this.#waiters.size;
    for (const connection of this.#open) load += connection.inFlight;
    return load;
  }

  get connections(): number {
    return this.#open.size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  submit(call: PendingCall): void {
    const connection = this.#free.at(-1);
    if (connection) return this.#send(connection, call);
    if (this.#closed) return call.fail(this.#refusal("unavailable", "the client is closed"));
    if (this.#waiters.size >= this.#limits.maxWaiters) {
      const why = `${this.#waiters.size} calls wait for a connection already`;
      return call.fail(this.#refusal("resource_exhausted", why));
    }
    call.holder = this;
    this.#waiters.add(call);
    this.#openIfNeeded();
  }

  drop(call: PendingCall): void {
    this.#waiters.delete(call);
  }

  /** Close every connection; calls that wait or are in flight fail with `unavailable`. */
  close(): void {
    this.#closed = true;
    for (const connection of [...this.#opening, ...this.#open]) connection.close();
    this.#failWaiters(this.#refusal("unavailable", "the client is closed"));
  }

  onOpen(connection: Connection): void {
    this.#opening.delete(connection);
    this.#open.add(connection);
    this.onRelease(connection);
    this.#openIfNeeded();
  }

  /** A slot is free: the longest waiter gets it, else the connection rests or goes. */
  onRelease(connection: Connection): void {
    if (!connection.hasFreeSlot) return;
    if (!this.#free.includes(connection)) this.#free.push(connection);
    this.#handOver();
    if (connection.inFlight === 0 && this.#idleCount() > this.#limits.maxIdle) connection.close();
  }

  onClose(connection: Connection, error: RpcError): void {
    if (this.#opening.delete(connection)) {
      // Others may still come, or serve: only where none can does waiting make no sense.
      if (this.#opening.size === 0 && this.#open.size === 0) this.#failWaiters(error);
      return;
    }
    this.#open.delete(connection);
    this.#forgetFree(connection);
    this.#openIfNeeded();
  }

  #send(connection: Connection, call: PendingCall): void {
    connection.send(call);
    if (!connection.hasFreeSlot) this.#forgetFree(connection);
  }

  #handOver(): void {
    for (const call of this.#waiters) {
      const connection = this.#free.at(-1);
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
      this.#waiters.size > this.#opening.size * maxInFlight &&
      this.#open.size + this.#opening.size < maxConnections
    ) {
      this.#opening.add(new Connection(this.#address, this.#limits, this));
    }
  }

  #failWaiters(error: RpcError): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const call of waiters) call.fail(error);
  }

  #idleCount(): number {
    let idle = 0;
    for (const connection of this.#free) if (connection.inFlight === 0) idle++;
    return idle;
  }

  #forgetFree(connection: Connection): void {
    const index = this.#free.lastIndexOf(connection);
    if (index >= 0) this.#free.splice(index, 1);
  }

  #refusal(status: "unavailable" | "resource_exhausted", why: string): RpcError {
    const message = `Cannot reach ${this.#address.host}:${this.#address.port}: ${why}`;
    return new RpcError(status, message, { processed: false, retryAfterMs: 1000 });
  }
}
