/** Someone who waits for a slot. */
export interface Waiter {
  /** The waiters of one line are served first come, first served; the lines take turns. */
  readonly line: string;
  /**
   * Called when a slot is free.
   * @returns false if this waiter has to wait until another slot is released, or until `retry`
   * @throws the waiter is refused; `acquire` rejects with the same error
   */
  start(): boolean;
  /** If `start` has returned false: what is busy, if others may wait for the same. */
  waitsFor(): string | undefined;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = "started" | "refused" | "unable";

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
      // For those who wait although a slot is free, nothing has changed.
      if (!line && this.#free > 0) this.#serve(waiter.line, waiting);
    });
  }

  release(): void {
    this.#free++;
    this.retry();
  }

  /** Serve those who wait, in turn. Call this if those that could not start may be able to now. */
  retry(): void {
    // A crowd may wait for the same, so only the first of it is asked.
    const busy = new Set<string | undefined>();
    // A line that was served goes to the end, where the loop comes to it again.
    for (const [line, waiters] of this.#lines) {
      let outcome: Outcome = "refused";
      // A refused waiter took no time, so its line keeps its turn.
      while (outcome === "refused") {
        const [waiting] = waiters;
        if (this.#free === 0) return;
        if (!waiting || busy.has(waiting.waiter.waitsFor())) break;
        outcome = this.#serve(line, waiting);
        if (outcome !== "unable") continue;
        const reason = waiting.waiter.waitsFor();
        if (reason !== undefined) busy.add(reason);
      }
    }
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

  #serve(line: string, { waiter, resolve, reject }: Waiting): Outcome {
    try {
      if (!waiter.start()) return "unable";
    } catch (error) {
      this.#removeFirst(line);
      reject(error);
      return "refused";
    }
    this.#free--;
    this.#removeFirst(line);
    this.#passTurn(line);
    resolve();
    return "started";
  }

  #removeFirst(line: string): void {
    this.#waiting--;
    const waiting = this.#lines.get(line);
    waiting?.shift();
    if (waiting?.length === 0) this.#lines.delete(line);
  }

  #passTurn(line: string): void {
    const waiting = this.#lines.get(line);
    if (!waiting) return;
    this.#lines.delete(line);
    this.#lines.set(line, waiting);
  }
}
