import type { Durations } from "../../rpc/durations.ts";

/** What a metric is, apart from its name. */
export interface MetricSpec {
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence, without a full stop. */
  readonly help: string;
  readonly labels: readonly string[];
  /** How the values of several processes become one. */
  readonly aggregator: "sum" | "min" | "max";
}

/** Metrics by their names, in the order in which they are shown. */
export type MetricSpecs = Readonly<Record<string, MetricSpec>>;

export type Labels = Readonly<Record<string, string>>;

/** One series of a counter or a gauge. */
export interface Value {
  readonly labels: Labels;
  readonly value: number;
}

/** The series of a histogram that share their labels. */
export interface Distribution {
  readonly labels: Labels;
  readonly durations: Durations;
}

type CollectedBy<Spec extends MetricSpec> = Spec["type"] extends "histogram"
  ? Iterable<Distribution>
  : number | Iterable<Value>;

/** A function for each metric that says what was counted. It is called when metrics are read. */
export type Collectors<Specs extends MetricSpecs> = {
  readonly [Name in keyof Specs]: () => CollectedBy<Specs[Name]>;
};

/** A number that only grows. Its name ends with `_total`. */
export function counter(help: string, ...labels: readonly string[]) {
  return { type: "counter", help, labels, aggregator: "sum" } as const satisfies MetricSpec;
}

/** A number that rises and falls, or never changes. */
export function gauge(help: string, ...labels: readonly string[]) {
  return { type: "gauge", help, labels, aggregator: "sum" } as const satisfies MetricSpec;
}

/** Durations in seconds, counted in the buckets of `DURATION_BOUNDS`. */
export function histogram(help: string, ...labels: readonly string[]) {
  return { type: "histogram", help, labels, aggregator: "sum" } as const satisfies MetricSpec;
}

/** The values of a record, each with its key as a label. */
export function byLabel(label: string, record: Readonly<Record<string, number>>): Value[] {
  return Object.entries(record).map(([key, value]) => ({ labels: { [label]: key }, value }));
}
