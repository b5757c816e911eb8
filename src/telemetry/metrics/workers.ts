import { WORKER_METRICS } from "./catalogue.ts";
import {
  isSnapshot,
  type MetricJson,
  type MetricsText,
  type Snapshot,
  sumOf,
  TierMetrics,
  textOf,
} from "./tier-metrics.ts";

/** A process whose metrics are part of the whole. If it ends, another may take its place. */
export interface MeasuredProcess {
  /** Undefined before its start. */
  readonly pid: number | undefined;
  /** Resolves to its `Snapshot`. Rejects if there is no answer within a limit. */
  ask(question: "metrics"): Promise<unknown>;
}

/** By the name of the tier. */
export type MeasuredTiers = Readonly<Record<string, readonly MeasuredProcess[]>>;

/**
 * The metrics of several processes as those of one.
 *
 * No counter may fall: a rate would show all that was counted before as new. So a process that does
 * not answer counts with its last answer, and so does one that has ended, for good. What it counted
 * after that answer is lost.
 */
export class WorkerMetrics {
  /** The last answers of processes that run, by pid. */
  readonly #last = new Map<number, readonly MetricJson[]>();
  /** The sum of those that have ended. */
  #ended: readonly MetricJson[] = [];
  #reading: Promise<MetricsText> | undefined;

  /**
   * Ask all processes. The gauges are those of the processes that answer. Those who read at the
   * same time share one answer: each reading changes what is kept here, so only one runs.
   */
  read(tiers: MeasuredTiers): Promise<MetricsText> {
    this.#reading ??= this.#read(tiers).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(tiers: MeasuredTiers): Promise<MetricsText> {
    const workers = Object.entries(tiers).flatMap(([tier, processes]) =>
      processes.map((process, index) => ({ labels: { tier, worker: `${index}` }, process })),
    );
    const answers = await Promise.all(workers.map(({ process }) => answerOf(process)));
    const current = answers.filter((answer) => answer !== undefined);
    const answered = new Set(current.map(({ pid }) => pid));
    const running = new Set(workers.map(({ process }) => process.pid));
    for (const { pid, metrics } of current) this.#last.set(pid, metrics);
    const silent: (readonly MetricJson[])[] = [];
    for (const [pid, metrics] of this.#last) {
      if (answered.has(pid)) continue;
      const counted = metrics.filter(({ type }) => type !== "gauge");
      if (running.has(pid)) silent.push(counted);
      else await this.#end(pid, counted);
    }
    const up = workers.map(({ labels }, index) => ({ labels, value: answers[index] ? 1 : 0 }));
    const own = new TierMetrics();
    own.add(WORKER_METRICS, { portico_worker_up: () => up });
    const all = [...current.map(({ metrics }) => metrics), ...silent, this.#ended];
    return textOf([...all, await own.json()]);
  }

  async #end(pid: number, counted: readonly MetricJson[]): Promise<void> {
    this.#last.delete(pid);
    this.#ended = await sumOf([this.#ended, counted]);
  }
}

async function answerOf(process: MeasuredProcess): Promise<Snapshot | undefined> {
  try {
    const answer = await process.ask("metrics");
    return isSnapshot(answer) ? answer : undefined;
  } catch {
    return undefined; // `portico_worker_up` says so.
  }
}
