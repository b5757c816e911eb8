import type { Address } from "../address.ts";
import { RpcError } from "../error.ts";
import type { PoolLimits } from "../limits.ts";
import type { Greeting } from "../wire/handshake.ts";
import type { Attempt, AttemptHolder } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { pickConnection } from "./pick-connection.ts";
import { countIdle, countsOf, type PoolCounts } from "./pool-counts.ts";

/**
 * The connections to one address. A call takes a connection with a free slot; below the maximum
 * a new one is opened; at the maximum the call waits in a bounded queue, first come first served,
 * within its deadline. With `maxInFlight` 1, each call has a connection to itself.
 */
export class Pool implements AttemptHolder, ConnectionOwner {
  readonly address: Address;
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #onHealth: (pool: Pool) => void;
  /** HELLO has not come yet. */
  readonly #opening = new Set<Connection>();
  /** Oldest first. */
  readonly #open: Connection[] = [];
  /** They are open, and leave once another one is. */
  readonly outdated = new Set<Connection>();
  /** They take no more calls, but have some to finish. */
  readonly #leaving = new Set<Connection>();
  /** While a call waits here, no connection has a free slot. */
  readonly #waiters = new Set<Attempt>();
  readonly #backoff: Backoff;
  /** A retired pool takes no more calls, but still serves those that wait. */
  #state: "serving" | "retired" | "closed" = "serving";
  /** Why its server was last lost. */
  lastError: RpcError | undefined;
  /** Its server has sent HELLO at least once. */
  wasOpen = false;

  /** `onHealth` is called when `isFailing` has changed, and at each failure. */
  constructor(
    address: Address,
    limits: PoolLimits,
    greeting: Greeting,
    onHealth: (pool: Pool) => void,
  ) {
    this.address = address;
    this.#limits = limits;
    this.#greeting = greeting;
    this.#onHealth = onHealth;
    this.#backoff = new Backoff(limits, () => this.#retry());
  }

  /** Calls waiting or in flight. */
  get load(): number {
    let load = this.#waiters.size;
    for (const connection of this.#open) load += connection.inFlight;
    return load;
  }

  get counts(): PoolCounts {
    return countsOf(this.#open, this.#opening.size, this.#leaving.size, this.#waiters.size);
  }

  /** Its server was lost, and is not back yet. */
  get isFailing(): boolean {
    return this.#backoff.isFailing && this.#open.length === 0;
  }

  submit(attempt: Attempt): void {
    const connection =
      this.#waiters.size === 0
        ? pickConnection(this.#open, this.#limits.packedInFlight)
        : undefined;
    if (connection) return connection.send(attempt);
    if (this.#state === "closed") return attempt.fail(this.#refusal("the client is closed"));
    if (this.#waiters.size >= this.#limits.maxWaiters) {
      const why = `${this.#waiters.size} calls already wait for a connection`;
      return attempt.fail(this.#refusal(why, "resource_exhausted"));
    }
    attempt.holder = this;
    this.#waiters.add(attempt);
    attempt.call.phases.enter(this.#waitPhase, performance.now());
    this.#openIfNeeded();
  }

  drop(attempt: Attempt): void {
    this.#waiters.delete(attempt);
  }

  /** Close every connection; calls that wait or are in flight fail with `unavailable`. */
  close(): void {
    this.#state = "closed";
    this.#backoff.end();
    const connections = [...this.#opening, ...this.#open, ...this.#leaving];
    for (const connection of connections) connection.close();
    this.#failWaiters(this.#refusal("the client is closed"));
  }

  /** Take no more calls: finish those that are here, then close every connection. */
  retire(): void {
    if (this.#state === "serving") this.#state = "retired";
    if (this.#waiters.size > 0) return;
    this.#backoff.end();
    for (const connection of [...this.#open]) this.#leave(connection);
    for (const connection of [...this.#opening]) connection.close();
  }

  /** Whether it is retired and has nothing left. */
  get isDone(): boolean {
    const connections = this.#opening.size + this.#open.length + this.#leaving.size;
    return this.#state !== "serving" && this.#waiters.size + connections === 0;
  }

  /** The greeting has changed: replace each connection. If that fails, keep it, and try again. */
  renew(): void {
    for (const connection of this.#open) this.outdated.add(connection);
    if (this.#open.length > 0) this.#openOne();
  }

  /** Once a tick: check open connections, replace old ones, and open some ahead. */
  tick(now: number): void {
    for (const connection of [...this.#open, ...this.#leaving]) connection.tick();
    if (this.#state !== "serving") return this.retire();
    const { idleTimeoutMs, maxIdle, maxConnections } = this.#limits;
    const minIdle = Math.min(this.#limits.minIdle, maxIdle, maxConnections);
    for (const connection of [...this.#open]) {
      const isSpare = connection.idleMs >= idleTimeoutMs && this.#open.length > minIdle;
      if (isSpare || connection.isOld(now)) this.#leave(connection);
    }
    const isShort = this.#open.length < minIdle && this.#opening.size === 0;
    if (isShort && !this.#backoff.isFailing) this.#openOne();
    this.#openIfNeeded();
  }

  onOpen(connection: Connection): void {
    if (!this.#opening.delete(connection)) return;
    const wasFailing = this.isFailing;
    this.wasOpen = true;
    this.#open.push(connection);
    this.#backoff.end();
    for (const outdated of this.outdated) this.#leave(outdated);
    this.outdated.clear();
    if (wasFailing) this.#onHealth(this);
    this.onRelease(connection);
    for (const { call } of this.#waiters) call.phases.enter(this.#waitPhase, performance.now());
    this.#openIfNeeded();
  }

  /** A slot is free: the call that waits longest gets it. Idle connections over maxIdle go. */
  onRelease(connection: Connection): void {
    if (this.#waiters.size > 0) this.#handOver();
    if (connection.inFlight > 0) return;
    const { maxIdle } = this.#limits;
    const isSpare = this.#open.length > maxIdle && countIdle(this.#open) > maxIdle;
    if (this.#state !== "serving" || isSpare) this.#leave(connection);
  }

  onGoAway(connection: Connection): void {
    this.#forget(connection);
    this.#leaving.add(connection);
    // The server shuts down: it counts as lost, unless a connection to it is about to open.
    if (this.#open.length + this.#opening.size === 0)
      this.#fail(this.#refusal("the server is shutting down"));
    this.#openIfNeeded();
  }

  onClose(connection: Connection, error: RpcError): void {
    if (this.#leaving.delete(connection)) return;
    if (this.#opening.delete(connection)) {
      this.#fail(error);
      // Calls can still be served by other connections; if none is left, do not let them wait.
      if (this.#opening.size + this.#open.length === 0) this.#failWaiters(error);
      return;
    }
    this.#forget(connection);
    if (this.#open.length === 0) this.#fail(error);
    this.#openIfNeeded();
  }

  /** No connection is left, or no more can be opened: try again when the backoff says so. */
  #fail(error: RpcError): void {
    if (this.#state !== "serving") return;
    this.lastError = error;
    this.#backoff.fail();
    if (this.#open.length === 0 || this.outdated.size > 0) this.#onHealth(this);
  }

  #retry(): void {
    const isWanted = this.#open.length === 0 || this.#waiters.size + this.outdated.size > 0;
    if (!isWanted) this.#backoff.end();
    else if (this.#opening.size === 0) this.#openOne();
  }

  get #waitPhase(): "waiting for a connection" | "connecting" {
    return this.#open.length > 0 ? "waiting for a connection" : "connecting";
  }

  #handOver(): void {
    for (const attempt of this.#waiters) {
      const connection = pickConnection(this.#open, this.#limits.packedInFlight);
      if (!connection) return;
      this.#waiters.delete(attempt);
      connection.send(attempt);
    }
  }

  /** Open connections for the calls that wait, as many as will be needed and no more. */
  #openIfNeeded(): void {
    const { maxConnections, maxInFlight } = this.#limits;
    while (
      this.#state !== "closed" &&
      !this.#backoff.isFailing &&
      this.#waiters.size > this.#opening.size * maxInFlight &&
      this.#open.length + this.#opening.size < maxConnections
    ) {
      this.#openOne();
    }
  }

  #openOne(): void {
    this.#backoff.begin();
    this.#opening.add(new Connection(this.address, this.#limits, this.#greeting, this));
  }

  /** Close a connection once its calls have ended. */
  #leave(connection: Connection): void {
    if (!this.#forget(connection)) return;
    this.#leaving.add(connection);
    connection.retire();
  }

  /** Returns false if it is not open. */
  #forget(connection: Connection): boolean {
    const index = this.#open.indexOf(connection);
    if (index >= 0) this.#open.splice(index, 1);
    return index >= 0;
  }

  #failWaiters(error: RpcError): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const attempt of waiters) attempt.fail(error);
  }

  #refusal(why: string, status: "unavailable" | "resource_exhausted" = "unavailable"): RpcError {
    const message = `Cannot reach ${this.address.host}:${this.address.port}: ${why}`;
    return new RpcError(status, message, { processed: false, retryAfterMs: 1000 });
  }
}
