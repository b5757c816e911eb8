// What is wanted of Portico beside what a run has measured, so that nobody has to divide by hand.

import { count, mebibytes, milliseconds, NOT_MEASURED, times, withUnit } from "./figures.ts";
import { loadName } from "./load-section.ts";
import {
  BARE,
  type BenchResults,
  CLASSIC_GO,
  HASH_ALONE,
  type LoadResult,
  NODE,
  PORTICO,
} from "./results.ts";
import { type ContenderSummary, type LoadSummary, median, quotient, summarize } from "./summary.ts";

export interface Wanted {
  /** As in "signin, 200 connections, salted-md5 (wrk): requests/s". */
  readonly what: string;
  /** As in "at least 3.00 × classic Go". */
  readonly wanted: string;
  /** As in "3.12 ×". */
  readonly measured: string;
  /** Compared before rounding; undefined where it was not measured. */
  readonly isKept: boolean | undefined;
}

/** Of any hash where none is named. */
export type Key = Pick<LoadResult, "endpoint" | "connections" | "passwordHash">;

interface Limits {
  readonly load: Key;
  /** CPU per request: at most so many times that of bare Bun.serve. */
  readonly cpuOfBare?: number;
  /** Requests per second: at least so many times those of each of these. */
  readonly rateOf: Readonly<Record<string, number>>;
}

const LIGHT_HASH = "argon2id:m=2048,t=1,p=1";
export const DEFAULT_HASH = "argon2id:m=19456,t=2,p=1";

const LIMITS: readonly Limits[] = [
  {
    load: { endpoint: "get_user_info", connections: 200 },
    cpuOfBare: 3.5,
    rateOf: { [BARE]: 0.35, [CLASSIC_GO]: 3, [NODE]: 4 },
  },
  {
    load: { endpoint: "get_user_info", connections: 2000 },
    cpuOfBare: 3.5,
    rateOf: { [BARE]: 0.35, [CLASSIC_GO]: 2.5 },
  },
  ...[200, 2000].map((connections) => ({
    load: { endpoint: "signin", connections, passwordHash: "salted-md5" },
    rateOf: { [BARE]: 0.2, [CLASSIC_GO]: 3 },
  })),
  {
    load: { endpoint: "signin", connections: 32, passwordHash: DEFAULT_HASH },
    rateOf: { [HASH_ALONE]: 0.85 },
  },
];

const LIGHT_TIMES_FLOOR = 2;
const P99_BESIDE_SIGN_INS = 2.5;
const COST_OF_MOST_ROWS = 1.2;
const START_MS = 500;
const MEMORY_MB = { after: 150, minuteLater: 100 };

/** Every wish, in the order of the table; those that the run did not measure are among them. */
export function wantedOf(results: BenchResults): Wanted[] {
  const loads = summarize(results);
  return [
    ...LIMITS.flatMap((limits) => besideOthers(loads, limits)),
    ...[200, 2000].map((connections) => lightHash(loads, connections)),
    floors(loads),
    besideSignIns(loads),
    ...failures(results),
    ...memory(results),
    start(results),
    ...costOverRows(results),
  ];
}

function besideOthers(loads: readonly LoadSummary[], { load, cpuOfBare, rateOf }: Limits) {
  const found = find(loads, load);
  const name = loadName(found?.load ?? load);
  const cpu = contender(found, PORTICO)?.cpuRatioToBare;
  return [
    ...(cpuOfBare === undefined
      ? []
      : [ratio(`${name}: CPU per request`, "at most", cpuOfBare, BARE, cpu)]),
    ...Object.entries(rateOf).map(([other, least]) => {
      const value = contender(found, other)?.porticoRatio;
      return ratio(`${name}: requests/s`, "at least", least, other, value);
    }),
  ];
}

function lightHash(loads: readonly LoadSummary[], connections: number): Wanted {
  const load = { endpoint: "signin", connections, passwordHash: LIGHT_HASH };
  const found = find(loads, load);
  const what = `${loadName(found?.load ?? load)}: requests/s`;
  return ratio(what, "at least", LIGHT_TIMES_FLOOR, "its floor", found && timesFloor(found));
}

/** All floors as one: named is the load that has the least to spare, or lacks the most. */
function floors(loads: readonly LoadSummary[]): Wanted {
  const promised = loads
    .filter(({ load }) => load.floor !== undefined)
    .map((summary) => ({ name: loadName(summary.load), times: timesFloor(summary) }));
  const [least] = promised
    .filter((each) => each.times !== undefined)
    .toSorted((one, other) => (one.times ?? 0) - (other.times ?? 0));
  return {
    what: `Every load with a floor: requests/s${least ? `; least: ${least.name}` : ""}`,
    wanted: `at least ${times(1)} its floor`,
    measured: times(least?.times),
    isKept: all(promised.map((each) => holds(each.times, (value) => value >= 1))),
  };
}

function besideSignIns(loads: readonly LoadSummary[]): Wanted {
  const p99 = (endpoint: string) => {
    const load = { endpoint, connections: 32, passwordHash: DEFAULT_HASH };
    return contender(find(loads, load), PORTICO)?.latencyMs?.p99;
  };
  const value = quotient(p99("get_user_info beside 32 signing in"), p99("get_user_info"));
  const what = `get_user_info, 32 connections beside 32 signing in, ${DEFAULT_HASH}: p99`;
  return ratio(what, "at most", P99_BESIDE_SIGN_INS, "without them", value);
}

/** What is wanted of every answer, at any speed. */
export function failures(results: BenchResults): Wanted[] {
  const rows = summarize(results).flatMap((load) => contender(load, PORTICO) ?? []);
  const points = results.overConnections.filter(({ name }) => name === PORTICO);
  const total = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
  const errors = total([...rows, ...points].map((each) => each.errors));
  const wrong = total(rows.map((each) => each.wrong));
  const checked = total(rows.map((each) => each.checked));
  const isLoaded = rows.length + points.length > 0;
  return [
    {
      what: "Errors of Portico, under every load and number of connections",
      wanted: "none",
      measured: isLoaded ? count(errors) : NOT_MEASURED,
      isKept: isLoaded ? errors === 0 : undefined,
    },
    {
      what: "Wrong answers of Portico, under every load",
      wanted: "none",
      measured: checked > 0 ? `${count(wrong)} of ${count(checked)}` : NOT_MEASURED,
      isKept: checked > 0 ? wrong === 0 : undefined,
    },
  ];
}

function memory({ memory: tiers }: BenchResults): Wanted[] {
  const after = tiers.map(({ tier, afterBytes }) => ({ tier, bytes: afterBytes }));
  const later = tiers.map(({ tier, minuteLaterBytes }) => ({ tier, bytes: minuteLaterBytes }));
  return [
    memoryUnder(MEMORY_MB.after, "after the loads with a floor and 2,000 connections", after),
    memoryUnder(MEMORY_MB.minuteLater, "a minute later", later),
  ];
}

/** MB are 10^6 bytes, and shown as MiB like all memory of the report. */
function memoryUnder(
  megabytes: number,
  when: string,
  tiers: readonly { readonly tier: string; readonly bytes: number }[],
): Wanted {
  const limit = megabytes * 1e6;
  // A process that has gone has no bytes, which is no small memory.
  const known = tiers.map(({ tier, bytes }) => ({ tier, bytes: bytes > 0 ? bytes : undefined }));
  const texts = known.map(({ tier, bytes }) => `${tier} ${withUnit(mebibytes(bytes), "MiB")}`);
  return {
    what: `Memory of each tier, ${when}`,
    wanted: `under ${count(megabytes)} MB (${mebibytes(limit)} MiB)`,
    measured: texts.join(", ") || NOT_MEASURED,
    isKept: all(known.map(({ bytes }) => holds(bytes, (value) => value < limit))),
  };
}

function start({ startMs }: BenchResults): Wanted {
  const value = median(startMs);
  return {
    what: "From the start to the first answer, embedded",
    wanted: `under ${count(START_MS)} ms`,
    measured: withUnit(milliseconds(value), "ms"),
    isKept: holds(value, (ms) => ms < START_MS),
  };
}

function costOverRows({ overRows }: BenchResults): Wanted[] {
  return ["get_user_info", "signin"].map((endpoint) => {
    const points = overRows
      .filter((point) => point.endpoint === endpoint && point.cpuMicrosPerRequest > 0)
      .toSorted((one, other) => one.rows - other.rows);
    const [fewest, most] = [points[0], points.at(-1)];
    const isCurve = fewest && most && most.rows > fewest.rows;
    const value = isCurve ? most.cpuMicrosPerRequest / fewest.cpuMicrosPerRequest : undefined;
    const what = `${endpoint}: CPU per request with the most rows in the table`;
    return ratio(what, "at most", COST_OF_MOST_ROWS, "with the fewest", value);
  });
}

function ratio(
  what: string,
  bound: "at most" | "at least",
  limit: number,
  of: string,
  value: number | undefined,
): Wanted {
  return {
    what,
    wanted: `${bound} ${times(limit)} ${of}`,
    measured: times(value),
    isKept: holds(value, (each) => (bound === "at most" ? each <= limit : each >= limit)),
  };
}

/** That of wrk where several tools have sent the same load. */
export function find(loads: readonly LoadSummary[], { endpoint, connections, passwordHash }: Key) {
  const same = loads.filter(
    ({ load }) =>
      load.endpoint === endpoint &&
      load.connections === connections &&
      (passwordHash === undefined || load.passwordHash === passwordHash),
  );
  return same.find(({ load }) => load.tool === "wrk") ?? same[0];
}

/** One that was measured. */
export function contender(
  summary: LoadSummary | undefined,
  name: string,
): ContenderSummary | undefined {
  return summary?.contenders.find((each) => each.name === name && each.rounds > 0);
}

function timesFloor(summary: LoadSummary): number | undefined {
  return quotient(contender(summary, PORTICO)?.requestsPerSecond?.median, summary.load.floor);
}

function holds(value: number | undefined, isGood: (value: number) => boolean) {
  return value === undefined ? undefined : isGood(value);
}

/** One that fails is enough for no; all have to be known for yes. */
function all(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  if (verdicts.includes(false)) return false;
  return verdicts.length === 0 || verdicts.includes(undefined) ? undefined : true;
}
