/** A power of two, like every number of slots. Small: most connections have few calls at a time. */
const FIRST_SLOTS = 4;
/** Half of the slots stay free, so that a call whose own slot is taken soon finds another. */
const SLOTS_PER_CALL = 2;

/**
 * The calls of one connection by their ids: a Map for entries that come and go quickly.
 *
 * Bun's `Map` replaces its table after a number of insertions. Once the garbage collector has moved
 * such a table to the old generation, its calls stay alive until the next full collection. With a
 * `Map`, half of all collections in the HTTP tier were full ones.
 *
 * The last bits of an id name the call's own slot. Ids count up, so nearly every call is in its own
 * slot. If that is taken, the call is in the next free slot after it (linear probing).
 */
export class CallTable<Call extends { readonly id: number }> {
  #slots: (Call | undefined)[] = emptySlots(FIRST_SLOTS);
  #size = 0;
  /** How many calls are not in their own slot. */
  #displaced = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Call | undefined {
    return this.#slots[this.#find(id)];
  }

  /** The id must not be in use. */
  add(call: Call): void {
    this.#size++;
    if (this.#size * SLOTS_PER_CALL > this.#slots.length) this.#grow();
    this.#put(call);
  }

  /** Remove and return the call of an id; undefined if there is none. */
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

  /** The slot where the call of an id is, or would be. */
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

  /** How far a slot is after the call's own. */
  #distance(index: number, { id }: Call): number {
    return (index - id) & (this.#slots.length - 1);
  }

  /** A slot has become free: move up each call that a search would no longer reach past it. */
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
