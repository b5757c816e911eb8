export interface Expiring {
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  expire(): void;
}

const TICK_MS = 10;
const SLOTS = 1024;

/**
 * The deadlines of many calls on one timer: a wheel of 10 ms slots. Nearly every call ends long
 * before its deadline, so adding and deleting must cost next to nothing; a timer each does not.
 * An entry expires at its deadline or up to one tick later, never before.
 */
export class Deadlines {
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Expiring>());
  #size = 0;
  #nextTick = 0;
  #timer: Timer | undefined;

  get size(): number {
    return this.#size;
  }

  add(entry: Expiring): void {
    this.#slotOf(entry).add(entry);
    this.#size++;
    if (this.#timer) return;
    this.#nextTick = Math.floor(performance.now() / TICK_MS);
    this.#timer = setInterval(this.#turn, TICK_MS);
  }

  delete(entry: Expiring): void {
    if (this.#slotOf(entry).delete(entry)) this.#size--;
  }

  readonly #turn = (): void => {
    const now = performance.now();
    // After a stall of more than a whole turn, once around is enough.
    const last = Math.min(Math.floor(now / TICK_MS), this.#nextTick + SLOTS - 1);
    for (; this.#nextTick <= last; this.#nextTick++) {
      for (const entry of this.#slot(this.#nextTick)) {
        if (entry.deadline > now) continue; // A later turn of the wheel.
        this.delete(entry);
        entry.expire();
      }
    }
    if (this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };

  #slotOf(entry: Expiring): Set<Expiring> {
    return this.#slot(Math.ceil(entry.deadline / TICK_MS));
  }

  #slot(tick: number): Set<Expiring> {
    const slot = this.#slots[tick % SLOTS];
    if (!slot) throw new RangeError(`Cannot keep a deadline at tick ${tick}`);
    return slot;
  }
}
