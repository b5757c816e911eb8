const TICK_MS = 10;

/**
 * Measures time in which this process could run. It counts ticks and not the clock: a machine that
 * is busy with others makes it slower, so an upper limit on it judges the code and not the machine.
 */
export class Stopwatch implements Disposable {
  #ticks = 0;
  readonly #timer = setInterval(() => this.#ticks++, TICK_MS);

  get ms(): number {
    return this.#ticks * TICK_MS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
