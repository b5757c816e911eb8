import { count, cpuSeconds, mebibytes, milliseconds, NOT_MEASURED, times } from "../figures.ts";
import { loadName, wrongOfChecked } from "../report/load-section.ts";
import type { ContenderResult, LoadResult } from "../report/results.ts";

const HEADINGS = [
  ...["", "requests/s", "Portico is", "p50 ms", "p99 ms", "p99.9 ms", "errors", "refused", "wrong"],
  ...["CPU s/1,000", "memory MiB"],
];

/** One load on the contenders that it was put on, as text for a terminal. */
export function terminalTable(load: LoadResult): string {
  const measured = load.contenders.filter(({ rounds }) => rounds > 0);
  const floor = load.floor === undefined ? "" : `, floor ${count(load.floor)}/s`;
  return `${loadName(load)}${floor}\n${aligned([HEADINGS, ...measured.map(cells)])}\n`;
}

/** Names are aligned to the left, figures to the right. */
function aligned(rows: readonly string[][]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)),
    ),
  );
  return lines.map((cells) => `  ${cells.join("  ")}`).join("\n");
}

function cells(row: ContenderResult): string[] {
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
