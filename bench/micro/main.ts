// `bun run bench micro`: what the small parts cost that every request passes.

import { do_not_optimize, measure } from "mitata";
import { type Part, parts } from "./parts.ts";

export interface MicroBenchOptions {
  /** How long each part is measured at least. */
  readonly durationMs: number;
  /** Runs of a part in one sample, where one run alone is too short to be timed. */
  readonly batch: number;
}

export interface MicroBenchRow {
  readonly name: string;
  /** Nanoseconds of one operation: the mean, and what 99 of 100 samples stayed below. */
  readonly meanNs: number;
  readonly p99Ns: number;
}

/** @throws {Error} a part does not do what it is measured for */
export async function benchMicro(
  { durationMs, batch }: MicroBenchOptions,
  onProgress: (text: string) => void = () => undefined,
): Promise<MicroBenchRow[]> {
  const rows: MicroBenchRow[] = [];
  for (const part of await parts()) {
    onProgress(part.name);
    await assertRight(part);
    const { operations = 1 } = part;
    const options = { min_cpu_time: durationMs * 1e6, batch_samples: batch };
    const { avg, p99 } = await measure(() => {
      const result = part.run();
      do_not_optimize(result);
      return result;
    }, options);
    rows.push({ name: part.name, meanNs: avg / operations, p99Ns: p99 / operations });
  }
  return rows;
}

async function assertRight({ name, run, isRight }: Part): Promise<void> {
  const result = await run();
  if (!isRight(result))
    throw new Error(`Cannot measure "${name}": it gives ${Bun.inspect(result)}`);
}

/** The rows as a Markdown table. */
export function microTable(rows: readonly MicroBenchRow[]): string {
  const lines = ["| what | mean | p99 | operations/s |", "| --- | ---: | ---: | ---: |"];
  for (const { name, meanNs, p99Ns } of rows) {
    const perSecond = Math.round(1e9 / meanNs).toLocaleString("en");
    lines.push(`| ${name} | ${duration(meanNs)} | ${duration(p99Ns)} | ${perSecond} |`);
  }
  return lines.join("\n");
}

function duration(ns: number): string {
  if (ns < 1000) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1000).toFixed(1)} µs`;
  return `${(ns / 1e6).toFixed(1)} ms`;
}
