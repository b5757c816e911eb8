/** A link of a ring (a circular doubly linked list). A new link is a ring by itself. */
class Link {
  next: Link = this;
  previous: Link = this;

  insertBefore(other: Link): void {
    this.next = other;
    this.previous = other.previous;
    other.previous.next = this;
    other.previous = this;
  }

  remove(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
  }
}

/** Something that ends at a deadline unless it has ended before. */
export abstract class Expiring extends Link {
  /** On the clock of `performance.now()`. */
  abstract readonly deadline: number;
  abstract expire(): void;
}

const TICK_MS = 10;
const SLOTS = 1024;

/**
 * The deadlines of many calls on one timer: a timer wheel with slots of 10 ms. Nearly every call
 * ends long before its deadline, so adding and deleting must be cheaper than a timer for each call.
 * An entry expires at its deadline or up to one tick later, never before.
 */
export class Deadlines {
  readonly #slots = Array.from({ length: SLOTS }, () => new Link());
  /** Marks the place in a slot while an entry expires, since that may remove any other entry. */
  readonly #place = new Link();
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
    // A deadline that has passed goes into the next slot of the wheel.
    const tick = Math.max(Math.ceil(entry.deadline / TICK_MS), this.#nextTick);
    entry.insertBefore(this.#slot(tick));
    this.#size++;
  }

  delete(entry: Expiring): void {
    if (entry.next === entry) return;
    entry.remove();
    this.#size--;
  }

  readonly #turn = (): void => {
    const now = performance.now();
    const lastTick = Math.floor(now / TICK_MS);
    // After a stall of more than a full turn, one turn visits every slot.
    let tick = Math.max(this.#nextTick, lastTick - SLOTS + 1);
    this.#nextTick = lastTick + 1;
    for (; tick <= lastTick; tick++) {
      const slot = this.#slot(tick);
      for (let entry = slot.next; entry !== slot; ) {
        this.#place.insertBefore(entry.next);
        // The other entries of this slot are due in a later turn.
        if (entry instanceof Expiring && entry.deadline <= now) {
          this.delete(entry);
          entry.expire();
        }
        entry = this.#place.next;
        this.#place.remove();
      }
    }
    if (this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };

  #slot(tick: number): Link {
    const slot = this.#slots[tick % SLOTS];
    if (!slot) throw new RangeError(`Cannot keep a deadline at tick ${tick}`);
    return slot;
  }
}
