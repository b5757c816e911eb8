// What a row of the Grafana dashboard is made of.

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** A unit of Grafana. */
  readonly unit: string;
  /** Legend and expression. */
  readonly queries: readonly (readonly [legend: string, expression: string])[];
  /** Where the panel draws a line. The rules have the same values. */
  readonly warnAt?: number;
  readonly alertAt?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const rate = (metric: string): string => `rate(${metric}[$__rate_interval])`;

/** How often something happens in a second. */
export const rateOf = (metric: string): string => `sum(${rate(metric)})`;

/** How often something happens in a second, for each value of these labels. */
export function rateBy(labels: string, metric: string): string {
  return `sum by (${labels}) (${rate(metric)})`;
}

/** @param metric the buckets of a histogram */
export function quantile(part: number, labels: string, metric: string): string {
  return `histogram_quantile(${part}, ${rateBy(labels, metric)})`;
}
