// `bun run bench micro`: the cost of single operations that every request needs.

import { do_not_optimize, measure } from "mitata";
import { count } from "../figures.ts";
import { markdownTable } from "../tables.ts";
import { type Part, parts } from "./parts.ts";

export interface MicroBenchOptions {
  /** The least time for which each part is measured. */
  readonly durationMs: number;
  /** Runs of a part in one sample, if one run is too short to be timed. */
  readonly batch: number;
}

export interface MicroBenchRow {
  readonly name: string;
  /** Nanoseconds of one operation: the mean and the 99th percentile of the samples. */
  readonly meanNs: number;
  readonly p99Ns: number;
}

/** @throws {Error} a part returned a wrong result */
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
    throw new Error(`Cannot measure "${name}": wrong result ${Bun.inspect(result)}`);
}

/** A Markdown table. */
export function microTable(rows: readonly MicroBenchRow[]): string {
  return markdownTable(
    [
      { heading: "what", text: ({ name }) => name },
      { heading: "mean", text: ({ meanNs }) => duration(meanNs) },
      { heading: "p99", text: ({ p99Ns }) => duration(p99Ns) },
      { heading: "operations/s", text: ({ meanNs }) => count(1e9 / meanNs) },
    ],
    rows,
  );
}

function duration(ns: number): string {
  if (ns < 1000) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1000).toFixed(1)} µs`;
  return `${(ns / 1e6).toFixed(1)} ms`;
}
