/** Where the time of a call goes, in the order in which a call comes through. */
export type Phase = "waiting for a connection" | "connecting" | "queue" | "handler";

/** Sums up how long a call was in which phase, over all attempts; for its deadline error. */
export class Phases {
  /** "queue" also where no attempt has begun. */
  #current: Phase = "queue";
  #since: number;
  #waitingMs = 0;
  #connectingMs = 0;
  #handlerMs = 0;

  constructor(now: number) {
    this.#since = now;
  }

  enter(phase: Phase, now: number): void {
    const ms = now - this.#since;
    if (this.#current === "waiting for a connection") this.#waitingMs += ms;
    else if (this.#current === "connecting") this.#connectingMs += ms;
    else if (this.#current === "handler") this.#handlerMs += ms;
    this.#current = phase;
    this.#since = now;
  }

  /**
   * Like `waiting for a connection 0 ms, connecting 3 ms, queue 0 ms, handler 97 ms`. `isQueued`
   * says that the request has not left this process: what looks like the handler is the queue.
   */
  describe(now: number, isQueued: boolean): string {
    const last = this.#current;
    const lastMs = now - this.#since;
    this.enter(last, now);
    const queueMs = isQueued || last === "queue" ? lastMs : 0;
    const handlerMs = this.#handlerMs - (isQueued ? lastMs : 0);
    const spent: [Phase, number][] = [
      ["waiting for a connection", this.#waitingMs],
      ["connecting", this.#connectingMs],
      ["queue", queueMs],
      ["handler", handlerMs],
    ];
    return spent.map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`).join(", ");
  }
}
