// Condenses rounds into the figures of a report: medians, spreads, and sums of errors.

import {
  BARE,
  type ContenderResult,
  type Latency,
  type LoadResult,
  PORTICO,
  type Spread,
} from "../report/results.ts";
import { finite, median, quotient, sum } from "../statistics.ts";
import type { MeasuredLoad, Round } from "./round.ts";

/**
 * Condense the rounds of a load.
 * @param names all contenders of the run, in the order of the tables
 * @param planned the number of rounds; if there are more, medians are of those disturbed least
 */
export function summarize(
  load: MeasuredLoad,
  names: readonly string[],
  planned: number,
): LoadResult {
  const rounds = leastDisturbedRounds(load, planned);
  return { ...load, contenders: names.map((name) => summarizeContender(load, name, rounds)) };
}

/** The largest part of the cores' time that the host took during any contender's turn. */
export function mostStolen(turns: Iterable<Round | undefined>): number {
  return Math.max(0, ...Array.from(turns, (turn) => turn?.stolenShare ?? 0));
}

/** Indices of rounds, in order. */
function leastDisturbedRounds({ contenders }: MeasuredLoad, planned: number): readonly number[] {
  const count = Math.max(0, ...contenders.map(({ rounds }) => rounds.length));
  const stolen = Array.from({ length: count }, (_, index) =>
    mostStolen(contenders.map(({ rounds }) => rounds[index])),
  );
  const byStolen = [...stolen.keys()].sort((a, b) => (stolen[a] ?? 0) - (stolen[b] ?? 0));
  return byStolen.slice(0, planned).sort((a, b) => a - b);
}

function summarizeContender(
  load: MeasuredLoad,
  name: string,
  indices: readonly number[],
): ContenderResult {
  const allOf = (of: string) => load.contenders.find((each) => each.name === of)?.rounds ?? [];
  const roundsOf = (of: string) => indices.flatMap((index) => allOf(of)[index] ?? []);
  const [all, rounds] = [allOf(name), roundsOf(name)];
  const porticoRatios = roundsOf(PORTICO).map((round, index) =>
    quotient(requestRate(round), requestRate(rounds[index])),
  );
  const ratiosToBare = rounds.map((round, index) =>
    quotient(cpuPerThousand(round), cpuPerThousand(roundsOf(BARE)[index])),
  );
  // A median would hide one bad round, so these are of all rounds, the disturbed ones included.
  const total = (figure: "errors" | "refused" | "checked" | "wrong") =>
    sum(all.map((round) => round[figure]));
  return {
    name,
    rounds: rounds.length,
    requestsPerSecond: spread(rounds.map(requestRate)),
    porticoRatio: median(porticoRatios),
    latencyMs: medianLatency(rounds),
    errors: total("errors"),
    refused: total("refused"),
    checked: total("checked"),
    wrong: total("wrong"),
    cpuSeconds: median(rounds.map(cpuPerThousand)),
    cpuSecondsByProcess: medianByProcess(rounds, (round, process) =>
      perThousand(round.cpuSeconds[process], round),
    ),
    cpuRatioToBare: median(ratiosToBare),
    memoryBytes: medianByProcess(rounds, (round, process) => round.memoryBytes[process]),
    stolenShare: median(rounds.map((round) => round.stolenShare)),
  };
}

function requestRate(round: Round | undefined): number | undefined {
  return round && quotient(round.requests, round.seconds);
}

function cpuPerThousand(round: Round | undefined): number | undefined {
  if (!round) return undefined;
  const parts = Object.values(round.cpuSeconds);
  return parts.length === 0 ? undefined : perThousand(sum(parts), round);
}

function perThousand(value: number | undefined, { requests }: Round): number | undefined {
  return quotient(value, requests / 1000);
}

/** A round without answers has no quantiles. */
function medianLatency(rounds: readonly Round[]): Latency | undefined {
  const answered = rounds.filter(({ requests }) => requests > 0);
  const of = (key: keyof Latency) => median(answered.map(({ latencyMs }) => latencyMs[key]));
  const [p50, p90, p99, p999, max] = [of("p50"), of("p90"), of("p99"), of("p999"), of("max")];
  const isWhole = p50 !== undefined && p90 !== undefined && p99 !== undefined;
  if (!isWhole || p999 === undefined || max === undefined) return undefined;
  return { p50, p90, p99, p999, max };
}

function medianByProcess(
  rounds: readonly Round[],
  figure: (round: Round, process: string) => number | undefined,
): Record<string, number> {
  const processes = rounds.flatMap(({ cpuSeconds, memoryBytes }) =>
    Object.keys({ ...cpuSeconds, ...memoryBytes }),
  );
  const entries = [...new Set(processes)].flatMap((process): [string, number][] => {
    const value = median(rounds.map((round) => figure(round, process)));
    return value === undefined ? [] : [[process, value]];
  });
  return Object.fromEntries(entries);
}

function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const known = finite(values);
  const middle = median(known);
  if (middle === undefined) return undefined;
  return { least: Math.min(...known), median: middle, most: Math.max(...known) };
}
