// The tables of docs/performance.md, written from results, so that no figure is typed by hand.

import {
  count,
  cpuSeconds,
  mebibytes,
  milliseconds,
  NOT_MEASURED,
  percent,
  times,
} from "./figures.ts";
import { loadName, usersText, wrongOfChecked } from "./load-section.ts";
import { BARE, type BenchResults, PORTICO } from "./results.ts";
import { ReportError } from "./results-file.ts";
import { type ContenderSummary, type LoadSummary, processesOf, summarize } from "./summary.ts";
import { type Column, markdownTable } from "./tables.ts";
import { wantedText } from "./wanted-table.ts";

export const BEGIN = "<!-- bench:begin -->";
export const END = "<!-- bench:end -->";

/** Where the page leads for more: paths from its own folder. */
export interface Links {
  readonly html: string;
  readonly json: string;
}

/**
 * A page with the text between its markers replaced.
 * @throws ReportError unless each marker is there once, in order
 */
export function replaceBetweenMarkers(page: string, text: string): string {
  const [before, rest, ...moreBegins] = page.split(BEGIN);
  const [, after, ...moreEnds] = rest?.split(END) ?? [];
  const isOnce = moreBegins.length === 0 && moreEnds.length === 0 && !before?.includes(END);
  if (before === undefined || after === undefined || !isOnce)
    throw new ReportError(`Cannot find \`${BEGIN}\` and then \`${END}\`, once each`);
  return `${before}${BEGIN}\n${text.trim()}\n${END}${after}`;
}

/** What is shown between the markers: where it is from, what is wanted, three tables of loads and memory. */
export function performanceText(results: BenchResults, { html, json }: Links): string {
  const loads = summarize(results);
  const peers = [...new Set(loads.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  const others = peers.filter((name) => name !== PORTICO);
  return [
    origin(results),
    `[The page of this run](${html}) shows the rest; [its data](${json}).`,
    wantedText(results),
    "Requests per second, with how many times those of the other Portico's are in brackets, and the " +
      "other's errors in all rounds where there were any:",
    markdownTable([...loadColumns(), ...throughputColumns(others)], loads),
    `CPU seconds per 1,000 requests of all processes, with the multiple of ${BARE} in brackets:`,
    markdownTable([...loadColumns(), ...[PORTICO, ...others].map(cpuColumn)], loads),
    "Portico's latency in ms, what went wrong in all rounds, CPU seconds per 1,000 requests, and what " +
      "part of the cores' time the machine's host gave to others meanwhile:",
    markdownTable([...loadColumns(), ...porticoColumns(loads)], loads),
    ...memoryLine(results),
    ...(results.leftOut.length > 0 ? [`Left out: ${results.leftOut.join("; ")}.`] : []),
  ].join("\n\n");
}

function origin({
  command,
  startedAt,
  commit,
  machine,
  loads,
  rounds,
  roundSeconds,
}: BenchResults) {
  const versions = Object.entries(machine.versions).map((each) => each.join(" "));
  return `\`${command}\`, ${startedAt.slice(0, 10)}, commit ${commit}: ${machine.cpu}, \
${count(machine.cores)} cores, ${count(machine.memoryBytes / 2 ** 20)} MiB, \
${versions.join(", ")}; ${usersText(loads)}, ${count(rounds)} rounds of ${count(roundSeconds)} s.`;
}

function loadColumns(): Column<LoadSummary>[] {
  return [{ heading: "load", text: ({ load }) => loadName(load) }];
}

function throughputColumns(others: readonly string[]): Column<LoadSummary>[] {
  return [
    { heading: "floor", text: ({ load }) => count(load.floor) },
    { heading: PORTICO, text: of(PORTICO, (row) => count(row.requestsPerSecond?.median)) },
    ...others.map((name) => ({
      heading: name,
      text: of(
        name,
        (row) =>
          bracketed(count(row.requestsPerSecond?.median), times(row.porticoRatio)) + itsErrors(row),
      ),
    })),
  ];
}

/** Portico's have a column. */
function itsErrors({ errors }: ContenderSummary): string {
  return errors === 0 ? "" : `, ${count(errors)} ${errors === 1 ? "error" : "errors"}`;
}

function cpuColumn(name: string): Column<LoadSummary> {
  const text = of(name, (row) =>
    name === BARE
      ? cpuSeconds(row.cpuSeconds)
      : bracketed(cpuSeconds(row.cpuSeconds), times(row.cpuRatioToBare)),
  );
  return { heading: name, text };
}

function porticoColumns(loads: readonly LoadSummary[]): Column<LoadSummary>[] {
  const portico = loads.flatMap((row) => row.contenders.filter(({ name }) => name === PORTICO));
  const cell = (heading: string, text: (row: ContenderSummary) => string) => ({
    heading,
    text: of(PORTICO, text),
  });
  return [
    cell("p50", ({ latencyMs }) => milliseconds(latencyMs?.p50)),
    cell("p99", ({ latencyMs }) => milliseconds(latencyMs?.p99)),
    cell("p99.9", ({ latencyMs }) => milliseconds(latencyMs?.p999)),
    cell("errors", ({ errors }) => count(errors)),
    cell("refused", ({ refused }) => count(refused)),
    cell("wrong", wrongOfChecked),
    ...processesOf(portico, (row) => row.cpuSecondsByProcess).map((process) =>
      cell(`${process} CPU`, (row) => cpuSeconds(row.cpuSecondsByProcess[process])),
    ),
    cell("cores lost", ({ stolenShare }) => percent(stolenShare)),
  ];
}

function of(name: string, text: (row: ContenderSummary) => string): (row: LoadSummary) => string {
  return ({ contenders }) => {
    const row = contenders.find((each) => each.name === name);
    return row && row.rounds > 0 ? text(row) : NOT_MEASURED;
  };
}

function bracketed(figure: string, inBrackets: string): string {
  return inBrackets === NOT_MEASURED ? figure : `${figure} (${inBrackets})`;
}

function memoryLine({ memory }: BenchResults): string[] {
  if (memory.length === 0) return [];
  const tiers = memory.map(
    ({ tier, afterBytes, minuteLaterBytes }) =>
      `${tier} ${mebibytes(afterBytes)} MiB, then ${mebibytes(minuteLaterBytes)}`,
  );
  return [
    `Memory after the loads with a floor and 2,000 connections, and a minute later: ${tiers.join("; ")}.`,
  ];
}
