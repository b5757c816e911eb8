import {
  count,
  cpuSeconds,
  mebibytes,
  milliseconds,
  NOT_MEASURED,
  times,
} from "../report/figures.ts";
import { loadName, wrongOfChecked } from "../report/load-section.ts";
import type { LoadResult } from "../report/results.ts";
import { type ContenderSummary, summarize } from "../report/summary.ts";

const HEADINGS = [
  ...["", "requests/s", "Portico is", "p50 ms", "p99 ms", "p99.9 ms", "errors", "refused", "wrong"],
  ...["CPU s/1,000", "memory MiB"],
];

/** One load on all contenders, in so many rounds as planned, for a terminal. */
export function loadText(load: LoadResult, rounds: number): string {
  const contenders = load.contenders.map(({ name }) => name);
  const [summary] = summarize({ loads: [load], contenders, rounds });
  if (!summary) return "";
  const floor = load.floor === undefined ? "" : `, floor ${count(load.floor)}/s`;
  return `${loadName(load)}${floor}\n${aligned([HEADINGS, ...summary.contenders.map(cells)])}\n`;
}

/** Names to the left, figures to the right. */
function aligned(rows: readonly string[][]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)),
    ),
  );
  return lines.map((cells) => `  ${cells.join("  ")}`).join("\n");
}

function cells(row: ContenderSummary): string[] {
  const { latencyMs: latency } = row;
  const memory = Object.entries(row.memoryBytes);
  return [
    row.name,
    count(row.requestsPerSecond?.median),
    times(row.porticoRatio),
    milliseconds(latency?.p50),
    milliseconds(latency?.p99),
    milliseconds(latency?.p999),
    count(row.errors),
    count(row.refused),
    wrongOfChecked(row),
    cpuSeconds(row.cpuSeconds),
    memory.map(([name, bytes]) => `${name} ${mebibytes(bytes)}`).join(", ") || NOT_MEASURED,
  ];
}
