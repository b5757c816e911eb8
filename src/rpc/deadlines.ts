export interface Expiring {
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
  /** Where the wheel keeps it; nobody else's business. */
  slot: Set<Expiring> | undefined;
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
    if (!this.#timer) {
      this.#nextTick = Math.floor(performance.now() / TICK_MS);
      this.#timer = setInterval(this.#turn, TICK_MS);
    }
    // One that has passed already goes where the wheel comes next, not where it has been.
    const tick = Math.max(Math.ceil(entry.deadline / TICK_MS), this.#nextTick);
    entry.slot = this.#slot(tick).add(entry);
    this.#size++;
  }

  delete(entry: Expiring): void {
    if (entry.slot?.delete(entry)) this.#size--;
  }

  readonly #turn = (): void => {
    const now = performance.now();
    const lastTick = Math.floor(now / TICK_MS);
    // After a stall of more than a whole turn, once around is enough.
    let tick = Math.max(this.#nextTick, lastTick - SLOTS + 1);
    this.#nextTick = lastTick + 1;
    for (; tick <= lastTick; tick++) {
      for (const entry of this.#slot(tick)) {
        if (entry.deadline > now) continue; // A later turn of the wheel.
        this.delete(entry);
        entry.expire();
      }
    }
    if (this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };

  #slot(tick: number): Set<Expiring> {
    const slot = this.#slots[tick % SLOTS];
    if (!slot) throw new RangeError(`Cannot keep a deadline at tick ${tick}`);
    return slot;
  }
}
