import type { Log } from "../rpc/log.ts";
import type { Question } from "./questions.ts";
import { type Ending, TierProcess, type TierProcessOptions } from "./tier-process.ts";

/** The pause before the next start. It doubles with each unexpected end, up to the maximum. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** If a process ran for this long, the pause before the next start is the minimum again. */
const STABLE_MS = 10_000;

/** Keeps one process of a tier running: if the process ends unexpectedly, another is started. */
export class Worker {
  #options: TierProcessOptions;
  readonly #log: Log;
  readonly #retired = Promise.withResolvers<void>();
  #process: TierProcess | undefined;
  #isRetired = false;

  constructor(options: TierProcessOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * Start the process and, once it listens, keep it running. A process that ends before it listens
   * is not started again: another start would fail in the same way.
   * @returns how the process ended, or undefined if it listens
   */
  async start(): Promise<Ending | undefined> {
    const begunAt = performance.now();
    this.#process = new TierProcess(this.#options);
    if ((await this.#process.listening) === undefined) return this.#process.ended;
    void this.#keep(this.#process, begunAt);
    return undefined;
  }

  /**
   * Let the process take over what it can of another environment, and start it with that from now
   * on. A process that is still starting takes it over once it has started.
   */
  async reload(environment: TierProcessOptions["environment"]): Promise<void> {
    this.#options = { ...this.#options, environment };
    try {
      await this.#process?.ask("reload", environment);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const fields = { script: this.#options.script, pid: this.#process?.pid, why };
      this.#log.warn(fields, "a worker does not have the new settings yet");
    }
  }

  /**
   * Do not start the process again, and let it run until `stop()`: a signal that ends this process
   * may have reached that one, too.
   */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#retired.resolve();
    this.#process?.hold();
  }

  /** Undefined before the first start. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Ask the process that runs now, as `TierProcess.ask()` does.
   * @throws {Error} it cannot answer, does not run, or did not answer within a second
   */
  async ask(question: Question): Promise<unknown> {
    if (!this.#process) throw new Error("has not started");
    return this.#process.ask(question);
  }

  /** Stop the process, as `TierProcess.stop()` does. */
  async stop(how?: "delayed" | "now"): Promise<void> {
    this.retire();
    await this.#process?.stop(how);
  }

  async #keep(current: TierProcess, since: number): Promise<void> {
    let backoffMs = MIN_BACKOFF_MS;
    for (let begunAt = since; ; ) {
      const ending = await current.ended;
      if (this.#isRetired) return;
      if (performance.now() - begunAt > STABLE_MS) backoffMs = MIN_BACKOFF_MS;
      const { wasStuck, ...how } = ending;
      const { script } = this.#options;
      const what = wasStuck ? "did not answer and was killed" : "ended unexpectedly";
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
