// The performance targets of Portico, compared with what a run has measured.

import { count, mebibytes, milliseconds, NOT_MEASURED, times, withUnit } from "../figures.ts";
import { median, quotient, sum } from "../statistics.ts";
import { loadName } from "./load-section.ts";
import {
  BARE,
  type BenchResults,
  CLASSIC_GO,
  findContender,
  findLoad,
  HASH_ALONE,
  HASHES,
  type LoadKey,
  type LoadResult,
  NODE,
  PORTICO,
} from "./results.ts";

export interface Target {
  /** As in "signin, 200 connections, salted-md5 (wrk): requests/s". */
  readonly what: string;
  /** As in "at least 3.00 × classic Go". */
  readonly target: string;
  /** As in "3.12 ×". */
  readonly measured: string;
  /** Compared before rounding; undefined if it was not measured. */
  readonly isMet: boolean | undefined;
}

interface Limits {
  readonly load: LoadKey;
  /** The highest CPU time per request, as a multiple of that of bare Bun.serve. */
  readonly cpuOfBare?: number;
  /** The lowest rate of requests, as a multiple of the rate of each of these contenders. */
  readonly rateOf: Readonly<Record<string, number>>;
}

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
    load: { endpoint: "signin", connections, passwordHash: HASHES.classic },
    rateOf: { [BARE]: 0.2, [CLASSIC_GO]: 3 },
  })),
  {
    load: { endpoint: "signin", connections: 32, passwordHash: HASHES.default },
    rateOf: { [HASH_ALONE]: 0.85 },
  },
];

const LIGHT_HASH_TIMES_FLOOR = 2;
const P99_DURING_SIGN_INS = 2.5;
const COST_OF_MOST_ROWS = 1.2;
const START_MS = 500;
const MEMORY_MB = { after: 150, minuteLater: 100 };

/** Every target, in the order of the table, including those that the run did not measure. */
export function targetsOf(results: BenchResults): Target[] {
  const { loads } = results;
  return [
    ...LIMITS.flatMap((limits) => comparedWithOthers(loads, limits)),
    ...[200, 2000].map((connections) => lightHash(loads, connections)),
    floors(loads),
    duringSignIns(loads),
    ...failures(results),
    ...memory(results),
    start(results),
    ...costOverRows(results),
  ];
}

function comparedWithOthers(loads: readonly LoadResult[], { load, cpuOfBare, rateOf }: Limits) {
  const found = findLoad(loads, load);
  const name = loadName(found ?? load);
  const cpu = findContender(found, PORTICO)?.cpuRatioToBare;
  return [
    ...(cpuOfBare === undefined
      ? []
      : [ratio(`${name}: CPU per request`, "at most", cpuOfBare, BARE, cpu)]),
    ...Object.entries(rateOf).map(([other, least]) => {
      const value = findContender(found, other)?.porticoRatio;
      return ratio(`${name}: requests/s`, "at least", least, other, value);
    }),
  ];
}

function lightHash(loads: readonly LoadResult[], connections: number): Target {
  const load = { endpoint: "signin", connections, passwordHash: HASHES.light };
  const found = findLoad(loads, load);
  const what = `${loadName(found ?? load)}: requests/s`;
  return ratio(what, "at least", LIGHT_HASH_TIMES_FLOOR, "its floor", found && timesFloor(found));
}

/** One target for all floors. It names the load with the smallest margin. */
function floors(loads: readonly LoadResult[]): Target {
  const promised = loads
    .filter(({ floor }) => floor !== undefined)
    .map((load) => ({ name: loadName(load), times: timesFloor(load) }));
  const [least] = promised
    .filter((each) => each.times !== undefined)
    .toSorted((one, other) => (one.times ?? 0) - (other.times ?? 0));
  return {
    what: `Every load with a floor: requests/s${least ? `; least: ${least.name}` : ""}`,
    target: `at least ${times(1)} its floor`,
    measured: times(least?.times),
    isMet: all(promised.map((each) => holds(each.times, (value) => value >= 1))),
  };
}

function duringSignIns(loads: readonly LoadResult[]): Target {
  const p99 = (endpoint: string) => {
    const load = { endpoint, connections: 32, passwordHash: HASHES.default };
    return findContender(findLoad(loads, load), PORTICO)?.latencyMs?.p99;
  };
  const value = quotient(p99("get_user_info while 32 sign in"), p99("get_user_info"));
  const what = `get_user_info, 32 connections while 32 sign in, ${HASHES.default}: p99`;
  return ratio(what, "at most", P99_DURING_SIGN_INS, "without sign-ins", value);
}

/** The targets that count at any speed: no errors and no wrong answers. */
export function failures(results: BenchResults): Target[] {
  const rows = results.loads.flatMap((load) => findContender(load, PORTICO) ?? []);
  const points = results.overConnections.filter(({ name }) => name === PORTICO);
  const errors = sum([...rows, ...points].map((each) => each.errors));
  const wrong = sum(rows.map((each) => each.wrong));
  const checked = sum(rows.map((each) => each.checked));
  const isLoaded = rows.length + points.length > 0;
  return [
    {
      what: "Errors of Portico, under every load and number of connections",
      target: "none",
      measured: isLoaded ? count(errors) : NOT_MEASURED,
      isMet: isLoaded ? errors === 0 : undefined,
    },
    {
      what: "Wrong answers of Portico, under every load",
      target: "none",
      measured: checked > 0 ? `${count(wrong)} of ${count(checked)}` : NOT_MEASURED,
      isMet: checked > 0 ? wrong === 0 : undefined,
    },
  ];
}

function memory({ memory: tiers }: BenchResults): Target[] {
  const after = tiers.map(({ tier, afterBytes }) => ({ tier, bytes: afterBytes }));
  const later = tiers.map(({ tier, minuteLaterBytes }) => ({ tier, bytes: minuteLaterBytes }));
  return [
    memoryUnder(MEMORY_MB.after, "after the loads with a floor and 2,000 connections", after),
    memoryUnder(MEMORY_MB.minuteLater, "a minute later", later),
  ];
}

/** MB are 10^6 bytes. Figures are in MiB, as everywhere in the report. */
function memoryUnder(
  megabytes: number,
  when: string,
  tiers: readonly { readonly tier: string; readonly bytes: number }[],
): Target {
  const limit = megabytes * 1e6;
  // A process that has ended has 0 bytes, which does not meet a target.
  const known = tiers.map(({ tier, bytes }) => ({ tier, bytes: bytes > 0 ? bytes : undefined }));
  const texts = known.map(({ tier, bytes }) => `${tier} ${withUnit(mebibytes(bytes), "MiB")}`);
  return {
    what: `Memory of each tier, ${when}`,
    target: `under ${count(megabytes)} MB (${mebibytes(limit)} MiB)`,
    measured: texts.join(", ") || NOT_MEASURED,
    isMet: all(known.map(({ bytes }) => holds(bytes, (value) => value < limit))),
  };
}

function start({ startMs }: BenchResults): Target {
  const value = median(startMs);
  return {
    what: "From the start to the first answer, embedded",
    target: `under ${count(START_MS)} ms`,
    measured: withUnit(milliseconds(value), "ms"),
    isMet: holds(value, (ms) => ms < START_MS),
  };
}

function costOverRows({ overRows }: BenchResults): Target[] {
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
): Target {
  return {
    what,
    target: `${bound} ${times(limit)} ${of}`,
    measured: times(value),
    isMet: holds(value, (each) => (bound === "at most" ? each <= limit : each >= limit)),
  };
}

function timesFloor(load: LoadResult): number | undefined {
  return quotient(findContender(load, PORTICO)?.requestsPerSecond?.median, load.floor);
}

function holds(value: number | undefined, isGood: (value: number) => boolean) {
  return value === undefined ? undefined : isGood(value);
}

/** False if one is false; true only if all are known to be true. */
function all(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  if (verdicts.includes(false)) return false;
  return verdicts.length === 0 || verdicts.includes(undefined) ? undefined : true;
}
