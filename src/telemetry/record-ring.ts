import type { CallRecord } from "../gen/system.ts";

/** Keeps the last records. */
export class RecordRing {
  readonly #max: number;
  readonly #records: CallRecord[] = [];
  /** When each was kept. */
  readonly #keptAt: number[] = [];
  /** Where the next record goes. */
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(record: CallRecord): void {
    this.#records[this.#next] = record;
    this.#keptAt[this.#next] = Date.now();
    this.#next = (this.#next + 1) % this.#max;
  }

  get records(): readonly CallRecord[] {
    return this.#records;
  }

  /** When the oldest was kept, in Unix time; undefined if there are none. */
  get since(): number | undefined {
    return this.#keptAt[this.#records.length === this.#max ? this.#next : 0];
  }

  get isFull(): boolean {
    return this.#records.length === this.#max;
  }
}
