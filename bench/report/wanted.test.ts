import { expect, test } from "bun:test";
import { LOAD_SETS, measuredEndpoint } from "../sla/loads.ts";
import {
  BARE,
  type BenchResults,
  CLASSIC_GO,
  HASH_ALONE,
  type LoadResult,
  NODE,
  PORTICO,
  type Round,
} from "./results.ts";
import { madeUpResults, round } from "./testing/made-up-results.ts";
import { wantedOf } from "./wanted.ts";

const MD5 = "salted-md5";
const LIGHT = "argon2id:m=2048,t=1,p=1";
const DEFAULT = "argon2id:m=19456,t=2,p=1";

type Rounds = Readonly<Record<string, readonly Round[]>>;

type Key = Omit<LoadResult, "contenders" | "tool" | "users"> & { tool?: string };

function load(key: Key, rounds: Rounds) {
  const contenders = Object.entries(rounds).map(([name, ofName]) => ({ name, rounds: ofName }));
  return { tool: "wrk", users: 1, ...key, contenders };
}

/** A round of 1,000 times `thousands` requests a second. */
function rate(thousands: number, microsPerRequest = 1): Round {
  const requests = thousands * 1000;
  return round({ requests, cpuSeconds: { HTTP: (requests * microsPerRequest) / 1e6 } });
}

/** Each figure is `better` times as good as it has to be. */
function atLimits(better: number): BenchResults {
  const ours = [rate(60 * better, 35 / better)];
  const p99 = (value: number) => [
    round({ latencyMs: { p50: 1, p90: 2, p99: value, p999: 99, max: 99 } }),
  ];
  const info = (connections: number, go: number) =>
    load(
      { endpoint: "get_user_info", connections, passwordHash: MD5 },
      {
        [PORTICO]: ours,
        [BARE]: [rate(60 / 0.35, 10)],
        [CLASSIC_GO]: [rate(60 / go)],
        [NODE]: [rate(60 / 4)],
      },
    );
  const signIn = (connections: number) =>
    load(
      { endpoint: "signin", connections, passwordHash: MD5, floor: 60_000 },
      { [PORTICO]: ours, [BARE]: [rate(300)], [CLASSIC_GO]: [rate(20)] },
    );
  const light = (connections: number) =>
    load(
      { endpoint: "signin", connections, passwordHash: LIGHT, floor: 30_000 },
      { [PORTICO]: ours },
    );
  const slow = { connections: 32, passwordHash: DEFAULT };
  const megabytes = (value: number) => Math.round((value * 1e6) / better);
  return madeUpResults({
    contenders: [PORTICO, BARE, CLASSIC_GO, NODE, HASH_ALONE],
    loads: [
      info(200, 3),
      info(2000, 2.5),
      signIn(200),
      signIn(2000),
      light(200),
      light(2000),
      load(
        { endpoint: "signin", ...slow },
        { [PORTICO]: [rate(0.085 * better)], [HASH_ALONE]: [rate(0.1)] },
      ),
      load({ endpoint: "get_user_info", ...slow }, { [PORTICO]: p99(10) }),
      load(
        { endpoint: "get_user_info beside 32 signing in", ...slow },
        { [PORTICO]: p99(25 / better) },
      ),
    ],
    overConnections: [],
    overRows: ["get_user_info", "signin"].flatMap((endpoint) => [
      // In no order: what counts are the most and the fewest rows.
      { endpoint, rows: 1000, cpuMicrosPerRequest: 999, requestsPerSecond: 1 },
      { endpoint, rows: 10_000, cpuMicrosPerRequest: 60 / better, requestsPerSecond: 1 },
      { endpoint, rows: 10, cpuMicrosPerRequest: 50, requestsPerSecond: 1 },
    ]),
    memory: [
      { tier: "HTTP", afterBytes: megabytes(150), minuteLaterBytes: megabytes(100) },
      { tier: "TCP", afterBytes: 1e6, minuteLaterBytes: 1e6 },
    ],
    startMs: [1, 500 / better, 9999],
  });
}

function rowOf(results: BenchResults, what: string) {
  const found = wantedOf(results).filter((row) => row.what.includes(what));
  expect(found).toHaveLength(1);
  return found[0];
}

/** All but errors and wrong answers, of which `atLimits` has none. */
const withLimits = (results: BenchResults) =>
  wantedOf(results).filter(({ wanted }) => wanted !== "none");

test("what is a little better than wanted is kept, all of it", () => {
  const rows = wantedOf(atLimits(1.01));
  expect(rows.filter(({ isKept }) => isKept !== true)).toEqual([]);
  const [two00, two000] = ["get_user_info, 200 connections", "get_user_info, 2,000 connections"];
  const signIn = (connections: string, hash: string) =>
    `signin, ${connections} connections, ${hash} (wrk): requests/s`;
  expect(rows.map(({ what, wanted, measured }) => [what, wanted, measured])).toEqual([
    [`${two00}, ${MD5} (wrk): CPU per request`, `at most 3.50 × ${BARE}`, "3.47 ×"],
    [`${two00}, ${MD5} (wrk): requests/s`, `at least 0.35 × ${BARE}`, "0.35 ×"],
    [`${two00}, ${MD5} (wrk): requests/s`, "at least 3.00 × classic Go", "3.03 ×"],
    [`${two00}, ${MD5} (wrk): requests/s`, "at least 4.00 × Node", "4.04 ×"],
    [`${two000}, ${MD5} (wrk): CPU per request`, `at most 3.50 × ${BARE}`, "3.47 ×"],
    [`${two000}, ${MD5} (wrk): requests/s`, `at least 0.35 × ${BARE}`, "0.35 ×"],
    [`${two000}, ${MD5} (wrk): requests/s`, "at least 2.50 × classic Go", "2.53 ×"],
    [signIn("200", MD5), `at least 0.20 × ${BARE}`, "0.20 ×"],
    [signIn("200", MD5), "at least 3.00 × classic Go", "3.03 ×"],
    [signIn("2,000", MD5), `at least 0.20 × ${BARE}`, "0.20 ×"],
    [signIn("2,000", MD5), "at least 3.00 × classic Go", "3.03 ×"],
    [signIn("32", DEFAULT), "at least 0.85 × argon2id alone", "0.86 ×"],
    [signIn("200", LIGHT), "at least 2.00 × its floor", "2.02 ×"],
    [signIn("2,000", LIGHT), "at least 2.00 × its floor", "2.02 ×"],
    [
      `Every load with a floor: requests/s; least: signin, 200 connections, ${MD5} (wrk)`,
      "at least 1.00 × its floor",
      "1.01 ×",
    ],
    [
      `get_user_info, 32 connections beside 32 signing in, ${DEFAULT}: p99`,
      "at most 2.50 × without them",
      "2.48 ×",
    ],
    ["Errors of Portico, under every load and number of connections", "none", "0"],
    ["Wrong answers of Portico, under every load", "none", "0 of 90"],
    [
      "Memory of each tier, after the loads with a floor and 2,000 connections",
      "under 150 MB (143.1 MiB)",
      "HTTP 141.6 MiB, TCP 1.0 MiB",
    ],
    [
      "Memory of each tier, a minute later",
      "under 100 MB (95.4 MiB)",
      "HTTP 94.4 MiB, TCP 1.0 MiB",
    ],
    ["From the start to the first answer, embedded", "under 500 ms", "495 ms"],
    [
      "get_user_info: CPU per request with the most rows in the table",
      "at most 1.20 × with the fewest",
      "1.19 ×",
    ],
    [
      "signin: CPU per request with the most rows in the table",
      "at most 1.20 × with the fewest",
      "1.19 ×",
    ],
  ]);
});

test("what is a little worse than wanted is not kept, none of it", () => {
  expect(withLimits(atLimits(0.99)).filter(({ isKept }) => isKept !== false)).toEqual([]);
});

test("what was not measured is neither kept nor not, and is there", () => {
  const nothing = {
    contenders: [PORTICO],
    loads: [load({ endpoint: "get_user_info", connections: 200 }, { [PORTICO]: [] })],
    overConnections: [],
    overRows: [],
    memory: [],
    startMs: [],
  };
  const rows = wantedOf(madeUpResults(nothing));
  expect(rows).toHaveLength(wantedOf(atLimits(1)).length);
  for (const { isKept, measured } of rows)
    expect({ isKept, measured }).toEqual({ isKept: undefined, measured: "–" });
});

test("a contender without rounds leaves its own wishes open, and no others", () => {
  const results = atLimits(1.01);
  const loads = results.loads.map((each) => ({
    ...each,
    contenders: each.contenders.map(({ name, rounds }) => {
      return { name, rounds: name === NODE ? [] : rounds };
    }),
  }));
  const open = wantedOf({ ...results, loads }).filter(({ isKept }) => isKept === undefined);
  expect(open.map(({ wanted }) => wanted)).toEqual(["at least 4.00 × Node"]);
});

test("a full run of all contenders leaves no wish open", () => {
  const loads = LOAD_SETS.flatMap(({ passwordHash, loads }) =>
    loads.map((each) => {
      const { connections, floor } = each;
      return load(
        {
          endpoint: measuredEndpoint(each),
          connections,
          passwordHash,
          ...(floor !== undefined && { floor }),
        },
        Object.fromEntries(
          [PORTICO, BARE, CLASSIC_GO, NODE, HASH_ALONE].map((n) => [n, [round()]]),
        ),
      );
    }),
  );
  const rows = wantedOf(madeUpResults({ loads }));
  expect(rows.filter(({ isKept }) => isKept === undefined)).toEqual([]);
});

test("of a load that two tools have sent, wrk's counts, and another's where there is no wrk", () => {
  const key = { endpoint: "get_user_info", connections: 200 };
  const by = (tool: string, thousands: number) =>
    load({ ...key, tool }, { [PORTICO]: [rate(thousands)], [NODE]: [rate(1)] });
  const ofNode = (loads: readonly LoadResult[]) =>
    wantedOf(madeUpResults({ loads })).find(({ wanted }) => wanted.endsWith("Node"));
  expect(ofNode([by("oha", 2), by("wrk", 5)])).toMatchObject({ isKept: true, measured: "5.00 ×" });
  expect(ofNode([by("wrk", 5), by("oha", 2)])).toMatchObject({ isKept: true, measured: "5.00 ×" });
  expect(ofNode([by("oha", 2)])).toMatchObject({ isKept: false, measured: "2.00 ×" });
});

test("ratios are of the same round, before the median is taken", () => {
  // Of the medians the ratio would be 2; of the rounds it is 10, 1 and 5.
  const rounds = {
    [PORTICO]: [rate(10), rate(1), rate(2)],
    [NODE]: [rate(1), rate(1), rate(0.4)],
  };
  const loads = [load({ endpoint: "get_user_info", connections: 200 }, rounds)];
  const row = wantedOf(madeUpResults({ loads })).find(({ wanted }) => wanted.endsWith("Node"));
  expect(row).toMatchObject({ isKept: true, measured: "5.00 ×" });
});

test("the floors of all tools count, and one that is not known leaves them open", () => {
  const row = (...thousands: (number | undefined)[]) => {
    const loads = thousands.map((each, index) =>
      load(
        { endpoint: "e", connections: index, tool: "oha", floor: 1000 },
        each === undefined ? {} : { [PORTICO]: [rate(each)] },
      ),
    );
    return rowOf(madeUpResults({ loads }), "Every load with a floor");
  };
  expect(row(3, 1, 2)).toMatchObject({
    isKept: true,
    what: "Every load with a floor: requests/s; least: e, 1 connections (oha)",
    measured: "1.00 ×",
  });
  expect(row(3, 2, 0.999)).toMatchObject({ isKept: false });
  expect(row(3, 0)).toMatchObject({ isKept: false });
  expect(row(3, undefined)).toMatchObject({ isKept: undefined });
  expect(row(0.5, undefined)).toMatchObject({ isKept: false });
});

test("one error or wrong answer of Portico's is too many, and those of others are not its own", () => {
  const bad = round({ errors: 1, wrong: 2 });
  const point = { connections: 1, requestsPerSecond: 1 };
  const results = (name: string, inCurve: string) =>
    madeUpResults({
      loads: [load({ endpoint: "e", connections: 1 }, { [PORTICO]: [round()], [name]: [bad] })],
      overConnections: [{ ...point, name: inCurve, errors: 5 }],
    });
  expect(rowOf(results(PORTICO, "other"), "Errors")).toMatchObject({
    isKept: false,
    measured: "1",
  });
  expect(rowOf(results("other", PORTICO), "Errors")).toMatchObject({
    isKept: false,
    measured: "5",
  });
  expect(rowOf(results("other", "other"), "Errors")).toMatchObject({ isKept: true });
  expect(rowOf(results(PORTICO, "other"), "Wrong")).toMatchObject({
    isKept: false,
    measured: "2 of 10",
  });
  expect(rowOf(results("other", PORTICO), "Wrong")).toMatchObject({ isKept: true });
});

test("answers of which none was compared are not known to be right", () => {
  const loads = [load({ endpoint: "e", connections: 1 }, { [PORTICO]: [round({ checked: 0 })] })];
  expect(rowOf(madeUpResults({ loads }), "Wrong")).toMatchObject({ isKept: undefined });
});

test("each tier has to keep its memory, and one that has gone has not", () => {
  const later = (...bytes: number[]) => {
    const memory = bytes.map((minuteLaterBytes, index) => {
      return { tier: `tier ${index}`, afterBytes: 1, minuteLaterBytes };
    });
    return rowOf(madeUpResults({ memory }), "a minute later")?.isKept;
  };
  expect(later(99e6, 99e6)).toBe(true);
  expect(later(99e6, 100e6)).toBe(false);
  expect(later(99e6, 0)).toBeUndefined();
});

test("the median of the starts has to be under its limit", () => {
  const isKept = (...startMs: number[]) =>
    rowOf(madeUpResults({ startMs }), "From the start")?.isKept;
  expect(isKept(499, 9999, 1)).toBe(true);
  expect(isKept(500)).toBe(false);
});

test("one number of rows shows no growth", () => {
  const overRows = [{ endpoint: "signin", rows: 9, cpuMicrosPerRequest: 9, requestsPerSecond: 9 }];
  expect(rowOf(madeUpResults({ overRows }), "signin: CPU")).toMatchObject({ isKept: undefined });
});
