// The part of the page for one load: three charts, and two tables with all their figures.

import {
  count,
  cpuSeconds,
  mebibytes,
  milliseconds,
  NOT_MEASURED,
  percent,
  times,
} from "../figures.ts";
import { type Column, htmlTable } from "../tables.ts";
import { type Bar, bars, pointRows, type Segment, stackedBars } from "./charts.ts";
import { figure, legend, seriesStyle } from "./figure.ts";
import { BARE, type ContenderResult, type Latency, type LoadResult, PORTICO } from "./results.ts";

const QUANTILES: readonly { key: keyof Latency; name: string }[] = [
  { key: "p50", name: "p50" },
  { key: "p90", name: "p90" },
  { key: "p99", name: "p99" },
  { key: "p999", name: "p99.9" },
  { key: "max", name: "max" },
];

type NamedLoad = Pick<LoadResult, "endpoint" | "connections" | "passwordHash"> & {
  /** Missing if the load was not sent. */
  readonly tool?: string;
};

/** As in "signin, 200 connections, argon2id:m=2048,t=1,p=1 (wrk)". */
export function loadName({ endpoint, connections, passwordHash, tool }: NamedLoad): string {
  const hash = passwordHash === undefined ? "" : `, ${passwordHash}`;
  const by = tool === undefined ? "" : ` (${tool})`;
  return `${endpoint}, ${count(connections)} connections${hash}${by}`;
}

/** As in "1,000 users (salted-md5), 100 users (argon2id:m=64,t=1,p=1)". */
export function usersText(loads: readonly LoadResult[]): string {
  const bySize = Map.groupBy(loads, ({ users }) => users);
  const texts = Array.from(bySize, ([users, some]) => {
    const hashes = new Set(some.flatMap(({ passwordHash }) => passwordHash ?? []));
    const which = bySize.size > 1 && hashes.size > 0 ? ` (${[...hashes].join("; ")})` : "";
    return `${count(users)} users${which}`;
  });
  return texts.join(", ") || NOT_MEASURED;
}

/** @param processes all of the page, so that each has the same colour everywhere */
export function loadSection(id: string, load: LoadResult, processes: readonly string[]): string {
  // Some contenders take part in some loads only. Portico should be in all, so it is always shown.
  const contenders = load.contenders.filter((each) => each.rounds > 0 || each.name === PORTICO);
  const name = loadName(load);
  const promise = load.floor === undefined ? "No floor" : `Floor: ${count(load.floor)} requests/s`;
  const charts = [
    throughputFigure(name, load, contenders),
    latencyFigure(name, contenders),
    cpuFigure(name, contenders, processes),
  ];
  return `<section id="${id}">
<h2>${Bun.escapeHTML(name)}</h2>
<p>${promise}.</p>
<div class="charts">
${charts.join("\n")}
</div>
${htmlTable(`Throughput and latency: ${name}`, throughputColumns(), contenders)}
${htmlTable(`CPU and memory: ${name}`, costColumns(contenders), contenders)}
</section>`;
}

function throughputFigure(
  load: string,
  { floor }: LoadResult,
  contenders: readonly ContenderResult[],
): string {
  const rows = contenders.flatMap(({ name, requestsPerSecond }): Bar[] => {
    if (!requestsPerSecond) return [];
    const { least, median, most } = requestsPerSecond;
    const color = name === PORTICO ? "var(--series-1)" : "var(--peer)";
    return [{ name, value: median, text: count(median), range: [least, most], color }];
  });
  return figure({
    title: "Requests per second",
    text: "The median of the rounds. The thin line reaches from the slowest to the fastest.",
    chart: rows.length > 0 && bars(`Requests per second: ${load}`, rows, floor),
  });
}

function latencyFigure(load: string, contenders: readonly ContenderResult[]): string {
  const styles = QUANTILES.map((_, index) => seriesStyle(index));
  const rows = contenders.flatMap(({ name, latencyMs }) =>
    latencyMs ? [{ name, values: QUANTILES.map(({ key }) => latencyMs[key]) }] : [],
  );
  const isDrawable = rows.some(({ values }) => values.some((value) => value > 0));
  return figure({
    title: "Latency in ms",
    text: "The median of the rounds for each quantile, on a logarithmic axis.",
    chart: isDrawable && pointRows(`Latency in milliseconds: ${load}`, rows, styles),
    legend: legend(QUANTILES.map(({ name }, index) => ({ name, style: seriesStyle(index) }))),
  });
}

function cpuFigure(
  load: string,
  contenders: readonly ContenderResult[],
  processes: readonly string[],
): string {
  const segments = contenders.flatMap(({ name, cpuSecondsByProcess }) =>
    processes.flatMap((part, index): Segment[] => {
      const value = cpuSecondsByProcess[part];
      return value === undefined ? [] : [{ name, part, value, color: seriesStyle(index).color }];
    }),
  );
  const texts = new Map(contenders.map((each) => [each.name, cpuSeconds(each.cpuSeconds)]));
  const shown = new Set(segments.map(({ part }) => part));
  const entries = processes.flatMap((name, index) =>
    shown.has(name) ? [{ name, style: { ...seriesStyle(index), character: "■" } }] : [],
  );
  return figure({
    title: "CPU seconds per 1,000 requests",
    text: "By process, in the order of the legend. It varies less than throughput.",
    chart: segments.length > 0 && stackedBars(`CPU seconds by process: ${load}`, segments, texts),
    legend: legend(entries),
  });
}

function throughputColumns(): Column<ContenderResult>[] {
  return [
    { heading: "what", text: ({ name }) => name },
    { heading: "rounds", text: ({ rounds }) => count(rounds) },
    { heading: "requests/s", text: (row) => count(row.requestsPerSecond?.median) },
    { heading: "slowest", text: (row) => count(row.requestsPerSecond?.least) },
    { heading: "fastest", text: (row) => count(row.requestsPerSecond?.most) },
    { heading: "Portico is", text: ({ porticoRatio }) => times(porticoRatio) },
    ...QUANTILES.map(({ key, name }) => ({
      heading: `${name} ms`,
      text: ({ latencyMs }: ContenderResult) => milliseconds(latencyMs?.[key]),
    })),
    { heading: "errors", text: measured(({ errors }) => count(errors)) },
    { heading: "refused", text: measured(({ refused }) => count(refused)) },
    { heading: "wrong", text: measured(wrongOfChecked) },
  ];
}

/** As in "0 of 200". */
export function wrongOfChecked({ wrong, checked }: ContenderResult): string {
  return checked === 0 ? NOT_MEASURED : `${count(wrong)} of ${count(checked)}`;
}

/** A cell for the contender with this name; a dash if the load was not put on it. */
export function cellOf(name: string, text: (row: ContenderResult) => string) {
  return ({ contenders }: LoadResult): string => {
    const row = contenders.find((each) => each.name === name);
    return row ? measured(text)(row) : NOT_MEASURED;
  };
}

/** Every name that `recordOf` gives for a contender, in the order in which they first appear. */
export function processesOf(
  contenders: readonly ContenderResult[],
  recordOf: (contender: ContenderResult) => Readonly<Record<string, number>>,
): string[] {
  return [...new Set(contenders.flatMap((contender) => Object.keys(recordOf(contender))))];
}

/** A dash if there are no rounds: zeros would look like a good result. */
function measured(text: (row: ContenderResult) => string) {
  return (row: ContenderResult) => (row.rounds === 0 ? NOT_MEASURED : text(row));
}

function costColumns(contenders: readonly ContenderResult[]): Column<ContenderResult>[] {
  const withCpu = processesOf(contenders, (row) => row.cpuSecondsByProcess);
  const withMemory = processesOf(contenders, (row) => row.memoryBytes);
  return [
    { heading: "what", text: ({ name }) => name },
    { heading: "CPU s per 1,000", text: (row) => cpuSeconds(row.cpuSeconds) },
    { heading: `of ${BARE}`, text: ({ cpuRatioToBare }) => times(cpuRatioToBare) },
    ...withCpu.map((process) => ({
      heading: `${process} CPU s`,
      text: (row: ContenderResult) => cpuSeconds(row.cpuSecondsByProcess[process]),
    })),
    ...withMemory.map((process) => ({
      heading: `${process} MiB`,
      text: (row: ContenderResult) => mebibytes(row.memoryBytes[process]),
    })),
    { heading: "steal time", text: ({ stolenShare }) => percent(stolenShare) },
  ];
}
