// The parts of the page after the loads: curves, memory and start times.

import { count, mebibytes, microseconds, milliseconds, withUnit } from "../figures.ts";
import { median } from "../statistics.ts";
import { htmlTable } from "../tables.ts";
import { bars, lines } from "./charts.ts";
import { figure, legend, seriesStyle } from "./figure.ts";
import type { BenchResults } from "./results.ts";

/** A part of the page. */
export interface Section {
  /** The target of links. */
  readonly id: string;
  readonly title: string;
  /** HTML. */
  readonly body: string;
}

/** The parts that were measured. */
export function runSections(results: BenchResults): Section[] {
  return [
    ...(results.overConnections.length > 0 ? [overConnections(results)] : []),
    ...(results.overRows.length > 0 ? [overRows(results)] : []),
    ...(results.memory.length > 0 ? [memory(results)] : []),
    ...(results.startMs.length > 0 ? [starts(results)] : []),
  ];
}

function sideBySide(chart: string, table: string): string {
  return `<div class="side-by-side">\n${chart}\n${table}\n</div>`;
}

interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

function lineFigure(
  title: string,
  text: string,
  series: readonly Series[],
  axis: { x: string; y: string },
): string {
  const styled = series.map(({ name, points }, index) => ({
    name,
    style: seriesStyle(index),
    points: points.toSorted((one, other) => one.x - other.x),
  }));
  return figure({
    title,
    text,
    chart: lines(title, styled, axis),
    legend: legend(styled),
  });
}

function overConnections({ overConnections: points }: BenchResults): Section {
  const names = [...new Set(points.map(({ name }) => name))];
  const connections = [...new Set(points.map((point) => point.connections))].sort((a, b) => a - b);
  const at = (each: number, name: string) =>
    points.find((point) => point.connections === each && point.name === name);
  const series = names.map((name) => ({
    name,
    points: points
      .filter((point) => point.name === name)
      .map((point) => ({ x: point.connections, y: point.requestsPerSecond })),
  }));
  const title = "Throughput over connections";
  const chart = lineFigure(
    "Requests per second",
    "get_user_info, one short round each: less precise than the loads above. The axis of " +
      "connections is logarithmic.",
    series,
    {
      x: "connections",
      y: "requests/s",
    },
  );
  const table = htmlTable(
    "Requests per second of get_user_info, with errors in brackets, if any",
    [
      { heading: "connections", text: (each: number) => count(each) },
      ...names.map((name) => ({
        heading: name,
        text: (each: number) => {
          const point = at(each, name);
          const errors = point && point.errors > 0 ? ` (${count(point.errors)})` : "";
          return count(point?.requestsPerSecond) + errors;
        },
      })),
    ],
    connections,
  );
  return { id: "connections", title, body: sideBySide(chart, table) };
}

function overRows({ overRows: points }: BenchResults): Section {
  const endpoints = [...new Set(points.map(({ endpoint }) => endpoint))];
  const series = endpoints.map((endpoint) => ({
    name: endpoint,
    points: points
      .filter((point) => point.endpoint === endpoint)
      .map((point) => ({ x: point.rows, y: point.cpuMicrosPerRequest })),
  }));
  const title = "Cost over the rows of the table";
  const text =
    "CPU of both tiers, Redis and MariaDB together, with few connections and short rounds. The " +
    "axis of rows is logarithmic.";
  const chart = lineFigure("CPU per request", text, series, { x: "rows", y: "CPU µs per request" });
  const table = htmlTable(
    "Portico's cost over the rows of the table",
    [
      { heading: "endpoint", text: ({ endpoint }) => endpoint },
      { heading: "rows", text: ({ rows }) => count(rows) },
      { heading: "CPU µs per request", text: (row) => microseconds(row.cpuMicrosPerRequest) },
      { heading: "requests/s", text: (row) => count(row.requestsPerSecond) },
    ],
    points,
  );
  return { id: "rows", title, body: sideBySide(chart, table) };
}

function memory({ memory: tiers }: BenchResults): Section {
  const rows = tiers.flatMap(({ tier, afterBytes, minuteLaterBytes }) => [
    memoryBar(tier, afterBytes, "var(--series-1)"),
    memoryBar(`${tier}, later`, minuteLaterBytes, "var(--peer)"),
  ]);
  const title = "Memory of Portico's tiers";
  const chart = figure({
    title: "Resident MiB",
    text: "After the loads with a floor and 2,000 connections, and a minute later.",
    chart: bars(title, rows),
  });
  const table = htmlTable(
    "Resident MiB of Portico's tiers",
    [
      { heading: "tier", text: ({ tier }) => tier },
      { heading: "after 2,000 connections", text: (row) => mebibytes(row.afterBytes) },
      { heading: "a minute later", text: (row) => mebibytes(row.minuteLaterBytes) },
    ],
    tiers,
  );
  return { id: "memory", title, body: sideBySide(chart, table) };
}

function memoryBar(name: string, bytes: number, color: string) {
  return { name, value: bytes / 2 ** 20, text: mebibytes(bytes), color };
}

function starts({ startMs }: BenchResults): Section {
  const tries = startMs.map((value, index) => ({ name: `try ${index + 1}`, value }));
  const middle = { name: "median", value: median(startMs) };
  const rows = [...tries, middle].flatMap(({ name, value }) => {
    if (value === undefined) return [];
    const color = name === middle.name ? "var(--series-1)" : "var(--peer)";
    return [{ name, value, text: withUnit(milliseconds(value), "ms"), color }];
  });
  const title = "Start";
  const chart = figure({
    title: "Milliseconds to the first answer",
    text: "From starting bun src/dev-main.ts on the embedded default.",
    chart: rows.length > 0 && bars("Milliseconds from the start to the first answer", rows),
  });
  const table = htmlTable(
    "From the start to the first answer",
    [
      { heading: "try", text: ({ name }) => name },
      { heading: "ms", text: ({ value }) => milliseconds(value) },
    ],
    [...tries, middle],
  );
  return { id: "start", title, body: sideBySide(chart, table) };
}
