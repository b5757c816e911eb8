// What a report shows, computed from what was measured.

import {
  BARE,
  type BenchResults,
  type Latency,
  type LoadResult,
  PORTICO,
  type Round,
} from "./results.ts";

export interface LoadSummary {
  readonly load: LoadResult;
  /** In the order of `BenchResults.contenders`; without rounds where one was not measured. */
  readonly contenders: readonly ContenderSummary[];
}

/** Of one contender under one load: undefined is what its rounds do not tell. */
export interface ContenderSummary {
  readonly name: string;
  readonly rounds: number;
  readonly requestsPerSecond: Spread | undefined;
  /** How many times its requests per second Portico answers, of the same round; the median. */
  readonly porticoRatio: number | undefined;
  /** The median of each quantile. */
  readonly latencyMs: Latency | undefined;
  /** These four are of all rounds together, the disturbed too: a median would hide a bad one. */
  readonly errors: number;
  readonly refused: number;
  readonly checked: number;
  readonly wrong: number;
  /** CPU seconds per 1,000 requests of all processes; the median. */
  readonly cpuSeconds: number | undefined;
  /** The same by process: medians too, so they need not add up exactly. */
  readonly cpuSecondsByProcess: Readonly<Record<string, number>>;
  /** CPU per request as a multiple of the ceiling's in the same round; the median. */
  readonly cpuRatioToBare: number | undefined;
  /** Resident bytes at the end of a round; the medians. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** Of the cores' time, what the machine's host gave to others; the median. */
  readonly stolenShare: number | undefined;
}

export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

/** The middle of the finite values, or the mean of the two in the middle; undefined of none. */
export function median(values: Iterable<number | undefined>): number | undefined {
  const sorted = finite(values).sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** Every load, with every contender of the run. */
export function summarize({
  loads,
  contenders,
  rounds,
}: Pick<BenchResults, "loads" | "contenders" | "rounds">): LoadSummary[] {
  return loads.map((load) => {
    const names = new Set([...contenders, ...load.contenders.map(({ name }) => name)]);
    const calmest = calmestRounds(load, rounds);
    return { load, contenders: [...names].map((name) => summarizeContender(load, name, calmest)) };
  });
}

/** What other machines had of the cores, in the turn of whoever lost most. */
export function mostStolen(round: Iterable<Round | undefined>): number {
  return Math.max(0, ...Array.from(round, (turn) => turn?.stolenShare ?? 0));
}

/** Of a load that has more rounds than were planned, the indices of as many as were, in order. */
function calmestRounds({ contenders }: LoadResult, planned: number): readonly number[] {
  const count = Math.max(0, ...contenders.map(({ rounds }) => rounds.length));
  const stolen = Array.from({ length: count }, (_, index) =>
    mostStolen(contenders.map(({ rounds }) => rounds[index])),
  );
  const byCalm = [...stolen.keys()].sort((a, b) => (stolen[a] ?? 0) - (stolen[b] ?? 0));
  return byCalm.slice(0, planned).sort((a, b) => a - b);
}

/** Every name that `recordOf` gives for a contender, in the order in which they first appear. */
export function processesOf(
  contenders: readonly ContenderSummary[],
  recordOf: (contender: ContenderSummary) => Readonly<Record<string, number>>,
): string[] {
  return [...new Set(contenders.flatMap((contender) => Object.keys(recordOf(contender))))];
}

function summarizeContender(
  load: LoadResult,
  name: string,
  calmest: readonly number[],
): ContenderSummary {
  const allOf = (of: string) => load.contenders.find((each) => each.name === of)?.rounds ?? [];
  const roundsOf = (of: string) => calmest.flatMap((index) => allOf(of)[index] ?? []);
  const [all, rounds] = [allOf(name), roundsOf(name)];
  const porticoRatios = roundsOf(PORTICO).map((round, index) =>
    quotient(requestRate(round), requestRate(rounds[index])),
  );
  const ratiosToBare = rounds.map((round, index) =>
    quotient(cpuPerThousand(round), cpuPerThousand(roundsOf(BARE)[index])),
  );
  return {
    name,
    rounds: rounds.length,
    requestsPerSecond: spread(rounds.map(requestRate)),
    porticoRatio: median(porticoRatios),
    latencyMs: medianLatency(rounds),
    errors: total(all, (round) => round.errors),
    refused: total(all, (round) => round.refused),
    checked: total(all, (round) => round.checked),
    wrong: total(all, (round) => round.wrong),
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

/** Quantiles of a round in which nothing was answered are none. */
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

/** Nothing where there is nothing to divide by. */
export function quotient(value: number | undefined, by: number | undefined): number | undefined {
  return value !== undefined && by ? value / by : undefined;
}

function finite(values: Iterable<number | undefined>): number[] {
  return [...values].filter((value) => value !== undefined).filter(Number.isFinite);
}

function total(rounds: readonly Round[], figure: (round: Round) => number): number {
  return sum(rounds.map(figure));
}

function sum(values: readonly number[]): number {
  return finite(values).reduce((one, other) => one + other, 0);
}
