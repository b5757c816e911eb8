import type { Log } from "../rpc/log.ts";
import { type Ending, TierProcess, type TierProcessOptions } from "./tier-process.ts";

/** From an end to the next start; doubled with each in a row, up to the maximum. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** A worker that ran for so long did not end because of how it was started. */
const STABLE_MS = 10_000;

/** One of the processes of a tier, which is started again whenever it ends by itself. */
export class Worker {
  readonly #options: TierProcessOptions;
  readonly #log: Log;
  readonly #retired = Promise.withResolvers<void>();
  #process: TierProcess | undefined;
  #isRetired = false;

  constructor(options: TierProcessOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * Start it; from the moment that it listens, it is kept alive. Where it ends before, something is
   * wrong that another try would not mend.
   * @returns how it ended, or undefined where it listens
   */
  async start(): Promise<Ending | undefined> {
    const begunAt = performance.now();
    this.#process = new TierProcess(this.#options);
    if ((await this.#process.listening) === undefined) return this.#process.ended;
    void this.#keep(this.#process, begunAt);
    return undefined;
  }

  /** Its next end is wanted: who signals us may have signalled it as well. */
  retire(): void {
    this.#isRetired = true;
    this.#retired.resolve();
  }

  /** Let it finish what runs, and wait for its end, as TierProcess does. */
  async stop(): Promise<void> {
    this.retire();
    await this.#process?.stop();
  }

  async #keep(current: TierProcess, since: number): Promise<void> {
    let backoffMs = MIN_BACKOFF_MS;
    for (let begunAt = since; ; ) {
      const ending = await current.ended;
      if (this.#isRetired) return;
      if (performance.now() - begunAt > STABLE_MS) backoffMs = MIN_BACKOFF_MS;
      const { wasStuck, ...how } = ending;
      const { script } = this.#options;
      const what = wasStuck ? "did not answer and was killed" : "has ended by itself";
      const fields = { script, pid: current.pid, ...how, backoffMs };
      this.#log.error(fields, `a worker of ${script} ${what}: starting another`);
      await Promise.race([Bun.sleep(backoffMs), this.#retired.promise]);
      if (this.#isRetired) return;
      backoffMs = Math.min(MAX_BACKOFF_MS, 2 * backoffMs);
      begunAt = performance.now();
      current = this.#process = new TierProcess(this.#options);
    }
  }
}
