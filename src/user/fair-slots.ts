/** Someone who waits for a slot. */
export interface Waiter {
  /** The waiters of one line are served first come, first served; the lines take turns. */
  readonly line: string;
  /**
   * Called when a slot is free.
   * @returns false if this waiter has to wait until another slot is released
   * @throws the waiter is refused; `acquire` rejects with the same error
   */
  start(): boolean;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A limited number of slots. A slot that becomes free goes to the next line, so one long line does
 * not hold up the others.
 */
export class FairSlots {
  readonly size: number;
  #free: number;
  #waiting = 0;
  /** None is empty. The first line is the next one to be served. */
  readonly #lines = new Map<string, Waiting[]>();

  constructor(size: number) {
    this.size = size;
    this.#free = size;
  }

  /** How many wait, in all lines. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * How many have a slot, or get one before a newcomer of this line. Those who come later are not
   * counted, although the turns of other lines may come first.
   */
  ahead(line: string): number {
    const own = this.#lines.get(line)?.length ?? 0;
    let ahead = this.size - this.#free;
    for (const { length } of this.#lines.values()) ahead += Math.min(length, own + 1);
    // The own line was counted with the others.
    return ahead;
  }

  /** Wait for a slot. Release it afterwards. */
  acquire(waiter: Waiter): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = this.#lines.get(waiter.line);
      const waiting = { waiter, resolve, reject };
      if (line) line.push(waiting);
      else this.#lines.set(waiter.line, [waiting]);
      this.#waiting++;
      this.#handOut();
    });
  }

  release(): void {
    this.#free++;
    this.#handOut();
  }

  /**
   * Make room for a newcomer: refuse the last waiter of the longest line.
   * @returns false if the newcomer's own line is the longest, or would be
   */
  displace(line: string, error: () => unknown): boolean {
    const own = this.#lines.get(line)?.length ?? 0;
    let longest: Waiting[] = [];
    for (const each of this.#lines.values()) if (each.length > longest.length) longest = each;
    if (longest.length <= own + 1) return false;
    this.#waiting--;
    longest.pop()?.reject(error());
    return true;
  }

  #handOut(): void {
    // Lines whose first waiter cannot start now, in a row. After a full round, nobody can.
    let unable = 0;
    while (this.#free > 0 && unable < this.#lines.size) {
      const [line] = this.#lines.keys();
      const waiting = this.#lines.get(line ?? "")?.[0];
      if (line === undefined || !waiting) return;
      unable = this.#serve(line, waiting) ? 0 : unable + 1;
    }
  }

  /** @returns false if the waiter cannot start now */
  #serve(line: string, { waiter, resolve, reject }: Waiting): boolean {
    try {
      if (!waiter.start()) {
        this.#passTurn(line);
        return false;
      }
    } catch (error) {
      // A refused waiter took no time, so its line keeps its turn.
      this.#removeFirst(line);
      reject(error);
      return true;
    }
    this.#free--;
    this.#removeFirst(line);
    this.#passTurn(line);
    resolve();
    return true;
  }

  #removeFirst(line: string): void {
    this.#waiting--;
    const waiting = this.#lines.get(line);
    waiting?.shift();
    if (waiting?.length === 0) this.#lines.delete(line);
  }

  #passTurn(line: string): void {
    const waiting = this.#lines.get(line);
    if (!waiting || this.#lines.size === 1) return;
    this.#lines.delete(line);
    this.#lines.set(line, waiting);
  }
}
