const TICK_MS = 10;

/**
 * Measures the time in which this process could run. It counts ticks, not time: on a busy machine
 * it runs slower, so an upper limit on it tests the code and not the machine.
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
