/** Someone who waits for a slot. */
export interface Waiter {
  /** The waiters of one line are served first come, first served; the lines take turns. */
  readonly line: string;
  /**
   * Whether the line has failed lately. If lines of both kinds wait, every other slot is for those
   * that have not, however many have.
   */
  readonly hasFailed: boolean;
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

/** None is empty. The first line is the next one to be served. */
type Lines = Map<string, Waiting[]>;

type Outcome = "started" | "refused" | "unable";

/**
 * A limited number of slots. A slot that becomes free goes to the next line, so one long line does
 * not hold up the others.
 */
export class FairSlots {
  readonly size: number;
  #free: number;
  #waiting = 0;
  #waitingCalm = 0;
  readonly #calm: Lines = new Map();
  readonly #failed: Lines = new Map();
  /** Whose turn it is, if there are both. */
  #next = this.#calm;

  constructor(size: number) {
    this.size = size;
    this.#free = size;
  }

  /** How many have a slot. */
  get taken(): number {
    return this.size - this.#free;
  }

  /** How many wait, in all lines. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many of them wait in lines that have not failed. */
  get waitingCalm(): number {
    return this.#waitingCalm;
  }

  /**
   * How many have a slot, or get one before a newcomer of this line. Those who come later are not
   * counted, although the turns of other lines may come first.
   */
  ahead({ line, hasFailed }: Pick<Waiter, "line" | "hasFailed">): number {
    const lines = this.#linesOf(hasFailed);
    const own = lines.get(line)?.length ?? 0;
    // The own line is counted with the others.
    const ahead = totalOf(lines, own + 1);
    const others = totalOf(this.#linesOf(!hasFailed), Number.POSITIVE_INFINITY);
    return this.size - this.#free + ahead + Math.min(others, ahead + 1);
  }

  /** Wait for a slot. Release it afterwards. */
  acquire(waiter: Waiter): Promise<void> {
    return new Promise((resolve, reject) => {
      const lines = this.#linesOf(waiter.hasFailed);
      const line = lines.get(waiter.line);
      const waiting = { waiter, resolve, reject };
      if (line) line.push(waiting);
      else lines.set(waiter.line, [waiting]);
      this.#count(lines, 1);
      // For those who wait although a slot is free, nothing has changed.
      if (!line && this.#free > 0) this.#serve(lines, waiter.line, waiting);
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
    while (this.#free > 0) {
      const [first, second] = [this.#next, this.#otherThan(this.#next)];
      if (!this.#serveOne(first, busy) && !this.#serveOne(second, busy)) return;
    }
  }

  /**
   * Make room for a newcomer: refuse the last waiter of the longest line.
   * @returns false if the newcomer's own line is the longest, or would be
   */
  displace({ line, hasFailed }: Pick<Waiter, "line" | "hasFailed">, error: () => unknown): boolean {
    const own = this.#linesOf(hasFailed).get(line)?.length ?? 0;
    const isPreferred = !hasFailed && this.#failed.size > 0;
    const candidates = isPreferred ? [this.#failed] : [this.#failed, this.#calm];
    let longest: Waiting[] = [];
    for (const lines of candidates) {
      for (const each of lines.values()) if (each.length > longest.length) longest = each;
    }
    const last = longest.at(-1);
    if (!last || (!isPreferred && longest.length <= own + 1)) return false;
    const lines = this.#linesOf(last.waiter.hasFailed);
    this.#count(lines, -1);
    longest.pop();
    if (longest.length === 0) lines.delete(last.waiter.line);
    last.reject(error());
    return true;
  }

  #count(lines: Lines, more: number): void {
    this.#waiting += more;
    if (lines === this.#calm) this.#waitingCalm += more;
  }

  #linesOf(hasFailed: boolean): Lines {
    return hasFailed ? this.#failed : this.#calm;
  }

  #otherThan(lines: Lines): Lines {
    return this.#linesOf(lines === this.#calm);
  }

  /** @returns false if no first waiter of these lines can start now */
  #serveOne(lines: Lines, busy: Set<string | undefined>): boolean {
    for (const [line, waiters] of lines) {
      let outcome: Outcome = "refused";
      // A refused waiter took no time, so its line keeps its turn.
      while (outcome === "refused") {
        const [waiting] = waiters;
        if (!waiting || busy.has(waiting.waiter.waitsFor())) break;
        outcome = this.#serve(lines, line, waiting);
        if (outcome === "started") return true;
        const reason = waiting.waiter.waitsFor();
        if (outcome === "unable" && reason !== undefined) busy.add(reason);
      }
    }
    return false;
  }

  #serve(lines: Lines, line: string, { waiter, resolve, reject }: Waiting): Outcome {
    try {
      if (!waiter.start()) return "unable";
    } catch (error) {
      this.#removeFirst(lines, line);
      reject(error);
      return "refused";
    }
    this.#free--;
    this.#next = this.#otherThan(lines);
    this.#removeFirst(lines, line);
    // The line goes to the end.
    const others = lines.get(line);
    if (others && lines.delete(line)) lines.set(line, others);
    resolve();
    return "started";
  }

  #removeFirst(lines: Lines, line: string): void {
    this.#count(lines, -1);
    const waiting = lines.get(line);
    waiting?.shift();
    if (waiting?.length === 0) lines.delete(line);
  }
}

/** How many wait in these lines, of each at most `most`. */
function totalOf(lines: Lines, most: number): number {
  return lines.values().reduce((sum, { length }) => sum + Math.min(length, most), 0);
}
