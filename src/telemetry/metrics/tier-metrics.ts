import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import { DURATION_BOUNDS } from "../../rpc/durations.ts";
import type { Collectors, Distribution, MetricSpec, MetricSpecs, Value } from "./spec.ts";

type Collect = () => number | Iterable<Value | Distribution>;

type LibraryMetric = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>[number];

/** A metric with its values, which can be sent to another process. */
export type MetricJson = Omit<LibraryMetric, "collect">;

/** The metrics of one process at one moment. */
export interface Snapshot {
  readonly pid: number;
  readonly metrics: readonly MetricJson[];
}

/**
 * The metrics of one process. What is counted is plain numbers elsewhere; only when the metrics are
 * read, the library is given these numbers. Counting with the library costs thirty times as much.
 */
export class TierMetrics {
  readonly #registry = new Registry();

  /** Add metrics with what they are collected from. */
  add<Specs extends MetricSpecs>(
    specs: Specs,
    collectors: Collectors<Specs> & Readonly<Record<string, Collect>>,
  ): void {
    for (const [name, spec] of Object.entries(specs)) {
      const collect = collectors[name];
      if (collect) register(this.#registry, name, spec, collect);
    }
  }

  json(): Promise<readonly MetricJson[]> {
    return jsonOf(this.#registry);
  }

  async snapshot(): Promise<Snapshot> {
    return { pid: process.pid, metrics: await this.json() };
  }
}

/** Whether a process has answered with its metrics. It runs the same code: they need no check. */
export function isSnapshot(answer: unknown): answer is Snapshot {
  return typeof answer === "object" && answer !== null && "pid" in answer && "metrics" in answer;
}

/** Metrics in the text format of Prometheus. */
export interface MetricsText {
  readonly text: string;
  readonly contentType: string;
}

/** The metrics of one process or several. */
export async function textOf(metrics: readonly (readonly MetricJson[])[]): Promise<MetricsText> {
  const registry = Registry.aggregate([...metrics]);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

/** The metrics of a tier; undefined while it starts. */
export async function textOfTier(tier: {
  metrics(): Promise<unknown>;
}): Promise<MetricsText | undefined> {
  const snapshot = await tier.metrics();
  return isSnapshot(snapshot) ? textOf([snapshot.metrics]) : undefined;
}

/** The metrics of several processes as those of one. */
export function sumOf(metrics: readonly (readonly MetricJson[])[]): Promise<MetricJson[]> {
  return jsonOf(Registry.aggregate([...metrics]));
}

/** Without the functions of the metrics, which cannot be sent to another process. */
async function jsonOf(registry: Registry): Promise<MetricJson[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map(({ name, help, type, aggregator, values }) => ({
    name,
    help,
    type,
    aggregator,
    values,
  }));
}

function register(registry: Registry, name: string, spec: MetricSpec, collect: Collect): void {
  const { help, aggregator } = spec;
  const labelNames = [...spec.labels];
  const configuration = { name, help, aggregator, labelNames, registers: [registry] };
  if (spec.type === "histogram") {
    new CountedDurations({ ...configuration, buckets: [...DURATION_BOUNDS] }, collect);
  } else if (spec.type === "counter") {
    new Counter<string>({
      ...configuration,
      collect() {
        this.reset();
        for (const { labels, value } of valuesOf(collect())) this.inc(labels, value);
      },
    });
  } else {
    new Gauge<string>({
      ...configuration,
      collect() {
        this.reset();
        for (const { labels, value } of valuesOf(collect())) this.set(labels, value);
      },
    });
  }
}

function* valuesOf(collected: ReturnType<Collect>): Generator<Value> {
  if (typeof collected === "number") yield { labels: {}, value: collected };
  else for (const each of collected) if ("value" in each) yield each;
}

type HistogramConfiguration = ConstructorParameters<typeof Histogram<string>>[0];

/** A histogram of the library whose values were counted elsewhere. */
class CountedDurations extends Histogram<string> {
  readonly #configuration: HistogramConfiguration;
  readonly #collect: Collect;

  constructor(configuration: HistogramConfiguration, collect: Collect) {
    super(configuration);
    this.#configuration = configuration;
    this.#collect = collect;
  }

  override async get() {
    const { name, help, aggregator = "sum" } = this.#configuration;
    const collected = this.#collect();
    const values = [];
    if (typeof collected !== "number") {
      for (const each of collected) if ("durations" in each) values.push(...series(name, each));
    }
    // The library's type wants the function that its own metrics call.
    const collect = () => undefined;
    return { name, help, type: "histogram" as const, aggregator, values, collect };
  }

  /** The library prefers this to `get` if it makes text. */
  getForPromString() {
    return this.get();
  }
}

/** The cumulative buckets, the sum in seconds, and the number. */
function series(name: string, { labels, durations }: Distribution) {
  let total = 0;
  const buckets = Array.from(durations.counts, (count, index) => {
    total += count;
    const le = DURATION_BOUNDS[index] ?? "+Inf";
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: durations.sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
