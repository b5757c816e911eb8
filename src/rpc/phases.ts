/** A phase of a call. A call goes through them in this order. */
export type Phase = "waiting for a connection" | "connecting" | "queue" | "handler";

/** Adds up how long a call is in each phase, over all attempts. */
export class Phases {
  /** Also "queue" before the first attempt. */
  #current: Phase = "queue";
  #since: number;
  waitingMs = 0;
  connectingMs = 0;
  queueMs = 0;
  handlerMs = 0;

  constructor(now: number) {
    this.#since = now;
  }

  enter(phase: Phase, now: number): void {
    const ms = now - this.#since;
    if (this.#current === "waiting for a connection") this.waitingMs += ms;
    else if (this.#current === "connecting") this.connectingMs += ms;
    else if (this.#current === "handler") this.handlerMs += ms;
    else this.queueMs += ms;
    this.#current = phase;
    this.#since = now;
  }

  /** The current phase goes on: count it up to now. */
  update(now: number): void {
    this.enter(this.#current, now);
  }

  /** How long the call has been in each phase, in milliseconds. */
  spent(now: number): readonly [Phase, number][] {
    this.update(now);
    return this.sums();
  }

  /** How long the call was in each phase until the last change or update. */
  sums(): readonly [Phase, number][] {
    return [
      ["waiting for a connection", this.waitingMs],
      ["connecting", this.connectingMs],
      ["queue", this.queueMs],
      ["handler", this.handlerMs],
    ];
  }

  /**
   * For a deadline error: `waiting for a connection 0 ms, connecting 3 ms, queue 0 ms, handler 97
   * ms`. `isQueued` says that the request is still in this process: then the time that was booked
   * on the handler was spent in the queue.
   */
  describe(now: number, isQueued: boolean): string {
    if (isQueued) this.#current = "queue";
    const spent = this.spent(now);
    return spent.map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`).join(", ");
  }
}
