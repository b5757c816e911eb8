import type { PendingCall } from "./pending-call.ts";

const MAX_ID = 0xffffffff;

/** The calls of one connection that wait for their answers, each by an id of its own. */
export class CallsInFlight {
  readonly #calls = new Map<number, PendingCall>();
  /** The id given last. They count up, so that an answer that comes late meets no other call. */
  lastId = 0;

  get size(): number {
    return this.#calls.size;
  }

  add(call: PendingCall): void {
    do this.lastId = this.lastId === MAX_ID ? 1 : this.lastId + 1;
    while (this.#calls.has(this.lastId));
    call.id = this.lastId;
    this.#calls.set(call.id, call);
  }

  /** Give up the call of an id; undefined where it has ended already. */
  take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** Give up all calls with a higher id. */
  takeAllAfter(id: number): PendingCall[] {
    const calls = Array.from(this.#calls.values()).filter((call) => call.id > id);
    for (const call of calls) this.#calls.delete(call.id);
    return calls;
  }
}
