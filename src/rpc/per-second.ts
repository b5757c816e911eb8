const SECOND_MS = 1000;

/** Lets a limited number of events pass in each second. */
export class PerSecond {
  readonly #max: number;
  #second = 0;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @param now on the clock of `performance.now()` */
  take(now: number): boolean {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= this.#max;
  }
}
