import { CallTable } from "../call-table.ts";
import type { Attempt } from "./attempt.ts";

const MAX_ID = 0xffffffff;

/** The calls of one connection that wait for their answers, each by an id of its own. */
export class CallsInFlight {
  readonly #calls = new CallTable<Attempt>();
  /** The id given last. They count up, so that an answer that comes late meets no other call. */
  lastId = 0;

  get size(): number {
    return this.#calls.size;
  }

  add(call: Attempt): void {
    do this.lastId = this.lastId === MAX_ID ? 1 : this.lastId + 1;
    while (this.#calls.get(this.lastId));
    call.id = this.lastId;
    this.#calls.add(call);
  }

  /** Give up the call of an id; undefined where it has ended already. */
  take(id: number): Attempt | undefined {
    return this.#calls.take(id);
  }

  /** Give up all calls with a higher id. */
  takeAllAfter(id: number): Attempt[] {
    const calls = this.#calls.values().filter((call) => call.id > id);
    for (const call of calls) this.#calls.take(call.id);
    return calls;
  }
}
