// Reads the metrics of processes as Prometheus does.
import type { Child } from "./child.ts";
import { parseMetrics } from "./prometheus-text.ts";

/** Where a process with METRICS_PORT serves its metrics. */
export async function metricsUrl(child: Child): Promise<string> {
  const [, url] = await child.waitFor(/"address":"([^"]+)"[^\n]*"msg":"metrics and probes"/);
  return `${url}/metrics`;
}

export async function readMetricsText(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status === 200) return text;
  throw new Error(`${url} answered ${response.status}: ${text}`);
}

/** All series: `name{label="value",…}`, with sorted labels → value. */
export function parseSeries(text: string): Record<string, number> {
  return Object.fromEntries(
    parseMetrics(text)
      .values()
      .flatMap(({ series }) => series),
  );
}

/** Whether a series only grows. */
export function isCounter(key: string): boolean {
  return /^\w+_(total|bucket|sum|count)\{/.test(key);
}

/** The series of some metrics, without those that are 0. */
export function seriesOf(
  metrics: Readonly<Record<string, number>>,
  ...names: readonly string[]
): Record<string, number> {
  const isWanted = (key: string) => names.some((name) => key.startsWith(`${name}{`));
  const wanted = Object.entries(metrics).filter(([key, value]) => isWanted(key) && value !== 0);
  return Object.fromEntries(wanted);
}
