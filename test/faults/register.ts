/** The outcome of a write. An unknown one may take effect at any later time, or never. */
export type Outcome = "acknowledged" | "refused" | "unknown";

interface Write {
  readonly value: string;
  outcome: Outcome;
  /** When it was acknowledged; `Infinity` until then. */
  endedAt: number;
}

/** Proof that `value` was the newest at some time after `from`. */
interface Proof {
  readonly value: string;
  readonly from: number;
}

const HISTORY_LINES = 40;

/**
 * One value with many concurrent writers and readers, and which reads are allowed. Each write has a
 * value of its own. Times are event numbers, in the order in which this process saw the events: if
 * one request ended before another began, its number is lower.
 *
 * A read is stale if another value was proved to be the newest at some time between the
 * acknowledgement of the value's own write and the start of the read. An acknowledged write proves
 * its value, and so does a read of it. Overlapping writes may take effect in either order; but once
 * a read has shown which one was last, later reads must agree.
 */
export class Register {
  readonly #writes = new Map<string, Write>();
  readonly #history: string[] = [];
  #now = 0;
  /** The latest proof, and the latest proof of any other value. */
  #proofs: readonly Proof[] = [];

  /** @param initial the first value, written and acknowledged before everything else */
  constructor(initial: string) {
    this.beginWrite(initial)("acknowledged");
  }

  /** The last events, as in "0.125 s: the write of 7 is acknowledged". */
  get history(): readonly string[] {
    return this.#history;
  }

  /** @returns a function to call with the outcome of the write */
  beginWrite(value: string): (outcome: Outcome) => void {
    const from = this.#tick(`the write of ${value} begins`);
    // Until its answer comes, it counts as a write of unknown outcome.
    const write: Write = { value, outcome: "unknown", endedAt: Number.POSITIVE_INFINITY };
    this.#writes.set(value, write);
    return (outcome) => {
      const now = this.#tick(`the write of ${value} is ${outcome}`);
      write.outcome = outcome;
      if (outcome !== "acknowledged") return;
      write.endedAt = now;
      this.#prove({ value, from });
    };
  }

  /**
   * @returns a function to call with the value that was read; it returns what is wrong, if anything
   */
  beginRead(): (value: string) => string | undefined {
    const from = ++this.#now;
    const proofs = this.#proofs;
    return (value) => {
      this.#tick(`${value} is read, by a read that began at event ${from}`);
      const write = this.#writes.get(value);
      if (!write) return `${value} is read, which was never written`;
      if (write.outcome === "refused") return `${value} is read, whose write was refused`;
      const newer = proofs.find((proof) => proof.value !== value && proof.from > write.endedAt);
      if (newer) return `${value} is read, after ${newer.value} was known to be newer`;
      // A value without an acknowledgement can be lost in a crash, even after it was read.
      if (write.outcome === "acknowledged") this.#prove({ value, from });
      return undefined;
    };
  }

  #prove(proof: Proof): void {
    const [latest, ...rest] = [...this.#proofs, proof].sort((one, other) => other.from - one.from);
    const ofAnother = rest.find(({ value }) => value !== latest?.value);
    this.#proofs = [latest, ofAnother].filter((each) => each !== undefined);
  }

  #tick(event: string): number {
    const now = ++this.#now;
    const seconds = (performance.now() / 1000).toFixed(3);
    this.#history.push(`${seconds} s, event ${now}: ${event}`);
    if (this.#history.length > HISTORY_LINES) this.#history.shift();
    return now;
  }
}
