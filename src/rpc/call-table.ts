/** A power of two, as every number of slots: most connections have few calls at a time. */
const FIRST_SLOTS = 4;
/** Half of them stay free, so that those whose own slot is taken soon find another. */
const SLOTS_PER_CALL = 2;

/**
 * The calls of one connection, by their ids: a Map for entries that come and go.
 *
 * A `Map` of Bun's replaces its table by another one every so many entries. A table that the
 * garbage collector has taken for old keeps the calls alive that were in it, until all that is old
 * is looked through. That made half of all collections in the HTTP tier full ones.
 *
 * Ids count up, so nearly every call has the slot that the last bits of its id say: its own. One
 * whose own slot is taken is in the next free one behind it (linear probing).
 */
export class CallTable<Call extends { readonly id: number }> {
  #slots: (Call | undefined)[] = emptySlots(FIRST_SLOTS);
  #size = 0;
  /** Calls that are not in their own slot. */
  #displaced = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Call | undefined {
    return this.#slots[this.#find(id)];
  }

  /** The caller has made sure that its id is not in use. */
  add(call: Call): void {
    this.#size++;
    if (this.#size * SLOTS_PER_CALL > this.#slots.length) this.#grow();
    this.#put(call);
  }

  /** Give up the call of an id; undefined where there is none. */
  take(id: number): Call | undefined {
    const index = this.#find(id);
    const call = this.#slots[index];
    if (!call) return undefined;
    this.#size--;
    this.#slots[index] = undefined;
    if (this.#distance(index, call) > 0) this.#displaced--;
    if (this.#displaced > 0) this.#moveUp(index);
    return call;
  }

  /** In the order of their ids. */
  values(): Call[] {
    const calls = this.#slots.filter((call) => call !== undefined);
    return calls.sort((one, other) => one.id - other.id);
  }

  clear(): void {
    this.#slots = emptySlots(FIRST_SLOTS);
    this.#size = 0;
    this.#displaced = 0;
  }

  /** Where the call of an id is, or would be. */
  #find(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let index = id & mask;
    for (let call = slots[index]; call && call.id !== id; call = slots[index]) {
      index = (index + 1) & mask;
    }
    return index;
  }

  #put(call: Call): void {
    const index = this.#find(call.id);
    this.#slots[index] = call;
    if (this.#distance(index, call) > 0) this.#displaced++;
  }

  /** How far a slot is behind a call's own. */
  #distance(index: number, { id }: Call): number {
    return (index - id) & (this.#slots.length - 1);
  }

  /** Move those into a slot that has become free who would not be found past it. */
  #moveUp(free: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let index = (free + 1) & mask;
    for (let call = slots[index]; call; call = slots[index]) {
      const distance = this.#distance(index, call);
      const gap = (index - free) & mask;
      if (distance >= gap) {
        slots[free] = call;
        slots[index] = undefined;
        free = index;
        if (distance === gap) this.#displaced--;
      }
      index = (index + 1) & mask;
    }
  }

  #grow(): void {
    const calls = this.#slots;
    this.#slots = emptySlots(2 * calls.length);
    this.#displaced = 0;
    for (const call of calls) {
      if (call) this.#put(call);
    }
  }
}

function emptySlots<T>(count: number): (T | undefined)[] {
  return new Array<T | undefined>(count).fill(undefined);
}
