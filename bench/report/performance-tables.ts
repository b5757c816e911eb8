// The tables of docs/performance.md, made from results, so that no figure is typed by hand.

import {
  count,
  cpuSeconds,
  mebibytes,
  milliseconds,
  NOT_MEASURED,
  percent,
  times,
} from "../figures.ts";
import { type Column, markdownTable } from "../tables.ts";
import { cellOf, loadName, processesOf, usersText, wrongOfChecked } from "./load-section.ts";
import {
  BARE,
  type BenchResults,
  type ContenderResult,
  type LoadResult,
  PORTICO,
} from "./results.ts";
import { ReportError } from "./results-file.ts";
import { targetsText } from "./targets-table.ts";

export const BEGIN = "<!-- bench:begin -->";
export const END = "<!-- bench:end -->";

/** Paths from the folder of the document. */
export interface Links {
  readonly html: string;
  readonly json: string;
}

/**
 * Replace the text between the markers of a document.
 * @throws ReportError the document does not have both markers once, in order
 */
export function replaceBetweenMarkers(page: string, text: string): string {
  const [before, rest, ...moreBegins] = page.split(BEGIN);
  const [, after, ...moreEnds] = rest?.split(END) ?? [];
  const isOnce = moreBegins.length === 0 && moreEnds.length === 0 && !before?.includes(END);
  if (before === undefined || after === undefined || !isOnce)
    throw new ReportError(`Cannot find \`${BEGIN}\` and then \`${END}\`, once each`);
  return `${before}${BEGIN}\n${text.trim()}\n${END}${after}`;
}

/** The text between the markers: the origin, the targets, three tables of loads, and memory. */
export function performanceText(results: BenchResults, { html, json }: Links): string {
  const { loads } = results;
  const peers = [...new Set(loads.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  const others = peers.filter((name) => name !== PORTICO);
  return [
    origin(results),
    `[The page of this run](${html}) has charts and all figures. [Its data](${json}).`,
    targetsText(results),
    "Requests per second. In brackets: Portico's rate divided by this one. Errors of other " +
      "contenders, if there were any, are of all rounds:",
    markdownTable([...loadColumns(), ...throughputColumns(others)], loads),
    `CPU seconds per 1,000 requests, all processes together. In brackets: the multiple of ${BARE}:`,
    markdownTable([...loadColumns(), ...[PORTICO, ...others].map(cpuColumn)], loads),
    "Portico's latency in ms, errors, refused and wrong answers in all rounds, CPU seconds per " +
      "1,000 requests by process, and the part of the cores' time that the host took:",
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

function loadColumns(): Column<LoadResult>[] {
  return [{ heading: "load", text: loadName }];
}

function throughputColumns(others: readonly string[]): Column<LoadResult>[] {
  return [
    { heading: "floor", text: ({ floor }) => count(floor) },
    { heading: PORTICO, text: cellOf(PORTICO, (row) => count(row.requestsPerSecond?.median)) },
    ...others.map((name) => ({
      heading: name,
      text: cellOf(
        name,
        (row) =>
          bracketed(count(row.requestsPerSecond?.median), times(row.porticoRatio)) +
          otherErrors(row),
      ),
    })),
  ];
}

function otherErrors({ errors }: ContenderResult): string {
  return errors === 0 ? "" : `, ${count(errors)} ${errors === 1 ? "error" : "errors"}`;
}

function cpuColumn(name: string): Column<LoadResult> {
  const text = cellOf(name, (row) =>
    name === BARE
      ? cpuSeconds(row.cpuSeconds)
      : bracketed(cpuSeconds(row.cpuSeconds), times(row.cpuRatioToBare)),
  );
  return { heading: name, text };
}

function porticoColumns(loads: readonly LoadResult[]): Column<LoadResult>[] {
  const portico = loads.flatMap((row) => row.contenders.filter(({ name }) => name === PORTICO));
  const cell = (heading: string, text: (row: ContenderResult) => string) => ({
    heading,
    text: cellOf(PORTICO, text),
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
    cell("steal time", ({ stolenShare }) => percent(stolenShare)),
  ];
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
    "Memory after the loads with a floor and 2,000 connections, and a minute later: " +
      `${tiers.join("; ")}.`,
  ];
}
