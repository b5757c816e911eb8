import { expect, test } from "bun:test";
import { LOAD_SETS, measuredEndpoint } from "../sla/loads.ts";
import type { MeasuredLoad, Round } from "../sla/round.ts";
import { BARE, type BenchResults, CLASSIC_GO, HASH_ALONE, NODE, PORTICO } from "./results.ts";
import { targetsOf } from "./targets.ts";
import { madeUpResults, round } from "./testing/made-up-results.ts";

const MD5 = "salted-md5";
const LIGHT = "argon2id:m=2048,t=1,p=1";
const DEFAULT = "argon2id:m=19456,t=2,p=1";

type Rounds = Readonly<Record<string, readonly Round[]>>;

type Key = Omit<MeasuredLoad, "contenders" | "tool" | "users"> & { tool?: string };

function load(key: Key, rounds: Rounds) {
  const contenders = Object.entries(rounds).map(([name, ofName]) => ({ name, rounds: ofName }));
  return { tool: "wrk", users: 1, ...key, contenders };
}

/** A round with this many thousand requests per second. */
function rate(thousands: number, microsPerRequest = 1): Round {
  const requests = thousands * 1000;
  return round({ requests, cpuSeconds: { HTTP: (requests * microsPerRequest) / 1e6 } });
}

/** Each figure is `better` times as good as its target. The contender `without` has no rounds. */
function atLimits(better: number, without?: string): BenchResults {
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
  const loads = [
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
    load({ endpoint: "get_user_info while 32 sign in", ...slow }, { [PORTICO]: p99(25 / better) }),
  ];
  return madeUpResults({
    contenders: [PORTICO, BARE, CLASSIC_GO, NODE, HASH_ALONE],
    loads: loads.map((each) => ({
      ...each,
      contenders: each.contenders.filter(({ name }) => name !== without),
    })),
    overConnections: [],
    overRows: ["get_user_info", "signin"].flatMap((endpoint) => [
      // Not sorted: the points with the most and the fewest rows count.
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
  const found = targetsOf(results).filter((row) => row.what.includes(what));
  expect(found).toHaveLength(1);
  return found[0];
}

/** All targets but errors and wrong answers, of which `atLimits` has none. */
const withLimits = (results: BenchResults) =>
  targetsOf(results).filter(({ target }) => target !== "none");

test("all figures a little better than their targets meet them", () => {
  const rows = targetsOf(atLimits(1.01));
  expect(rows.filter(({ isMet }) => isMet !== true)).toEqual([]);
  const [two00, two000] = ["get_user_info, 200 connections", "get_user_info, 2,000 connections"];
  const signIn = (connections: string, hash: string) =>
    `signin, ${connections} connections, ${hash} (wrk): requests/s`;
  expect(rows.map(({ what, target, measured }) => [what, target, measured])).toEqual([
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
      `get_user_info, 32 connections while 32 sign in, ${DEFAULT}: p99`,
      "at most 2.50 × without sign-ins",
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

test("no figure a little worse than its target meets it", () => {
  expect(withLimits(atLimits(0.99)).filter(({ isMet }) => isMet !== false)).toEqual([]);
});

test("a target that was not measured is listed, neither met nor missed", () => {
  const nothing = {
    contenders: [PORTICO],
    loads: [load({ endpoint: "get_user_info", connections: 200 }, { [PORTICO]: [] })],
    overConnections: [],
    overRows: [],
    memory: [],
    startMs: [],
  };
  const rows = targetsOf(madeUpResults(nothing));
  expect(rows).toHaveLength(targetsOf(atLimits(1)).length);
  for (const { isMet, measured } of rows)
    expect({ isMet, measured }).toEqual({ isMet: undefined, measured: "–" });
});

test("a contender without rounds leaves only its own targets open", () => {
  const open = targetsOf(atLimits(1.01, NODE)).filter(({ isMet }) => isMet === undefined);
  expect(open.map(({ target }) => target)).toEqual(["at least 4.00 × Node"]);
});

test("a full run of all contenders leaves no target open", () => {
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
  const rows = targetsOf(madeUpResults({ loads }));
  expect(rows.filter(({ isMet }) => isMet === undefined)).toEqual([]);
});

test("if two tools have sent a load, wrk's counts; without wrk, the other's", () => {
  const key = { endpoint: "get_user_info", connections: 200 };
  const by = (tool: string, thousands: number) =>
    load({ ...key, tool }, { [PORTICO]: [rate(thousands)], [NODE]: [rate(1)] });
  const ofNode = (loads: readonly MeasuredLoad[]) =>
    targetsOf(madeUpResults({ loads })).find(({ target }) => target.endsWith("Node"));
  expect(ofNode([by("oha", 2), by("wrk", 5)])).toMatchObject({ isMet: true, measured: "5.00 ×" });
  expect(ofNode([by("wrk", 5), by("oha", 2)])).toMatchObject({ isMet: true, measured: "5.00 ×" });
  expect(ofNode([by("oha", 2)])).toMatchObject({ isMet: false, measured: "2.00 ×" });
});

test("ratios are taken within a round, before the median", () => {
  // Of the medians the ratio would be 2; of the rounds it is 10, 1 and 5.
  const rounds = {
    [PORTICO]: [rate(10), rate(1), rate(2)],
    [NODE]: [rate(1), rate(1), rate(0.4)],
  };
  const loads = [load({ endpoint: "get_user_info", connections: 200 }, rounds)];
  const row = targetsOf(madeUpResults({ loads })).find(({ target }) => target.endsWith("Node"));
  expect(row).toMatchObject({ isMet: true, measured: "5.00 ×" });
});

test("the floors of all tools count, and an unknown one leaves the target open", () => {
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
    isMet: true,
    what: "Every load with a floor: requests/s; least: e, 1 connections (oha)",
    measured: "1.00 ×",
  });
  expect(row(3, 2, 0.999)).toMatchObject({ isMet: false });
  expect(row(3, 0)).toMatchObject({ isMet: false });
  expect(row(3, undefined)).toMatchObject({ isMet: undefined });
  expect(row(0.5, undefined)).toMatchObject({ isMet: false });
});

test("one error or wrong answer of Portico is too many; those of others do not count", () => {
  const bad = round({ errors: 1, wrong: 2 });
  const point = { connections: 1, requestsPerSecond: 1 };
  const results = (name: string, inCurve: string) =>
    madeUpResults({
      loads: [load({ endpoint: "e", connections: 1 }, { [PORTICO]: [round()], [name]: [bad] })],
      overConnections: [{ ...point, name: inCurve, errors: 5 }],
    });
  expect(rowOf(results(PORTICO, "other"), "Errors")).toMatchObject({
    isMet: false,
    measured: "1",
  });
  expect(rowOf(results("other", PORTICO), "Errors")).toMatchObject({
    isMet: false,
    measured: "5",
  });
  expect(rowOf(results("other", "other"), "Errors")).toMatchObject({ isMet: true });
  expect(rowOf(results(PORTICO, "other"), "Wrong")).toMatchObject({
    isMet: false,
    measured: "2 of 10",
  });
  expect(rowOf(results("other", PORTICO), "Wrong")).toMatchObject({ isMet: true });
});

test("if no answer was compared, it is unknown whether they are right", () => {
  const loads = [load({ endpoint: "e", connections: 1 }, { [PORTICO]: [round({ checked: 0 })] })];
  expect(rowOf(madeUpResults({ loads }), "Wrong")).toMatchObject({ isMet: undefined });
});

test("each tier must stay under its memory target; a tier that has ended does not meet it", () => {
  const later = (...bytes: number[]) => {
    const memory = bytes.map((minuteLaterBytes, index) => {
      return { tier: `tier ${index}`, afterBytes: 1, minuteLaterBytes };
    });
    return rowOf(madeUpResults({ memory }), "a minute later")?.isMet;
  };
  expect(later(99e6, 99e6)).toBe(true);
  expect(later(99e6, 100e6)).toBe(false);
  expect(later(99e6, 0)).toBeUndefined();
});

test("the median of the start times must be under its limit", () => {
  const isMet = (...startMs: number[]) =>
    rowOf(madeUpResults({ startMs }), "From the start")?.isMet;
  expect(isMet(499, 9999, 1)).toBe(true);
  expect(isMet(500)).toBe(false);
});

test("cost over rows needs more than one number of rows", () => {
  const overRows = [{ endpoint: "signin", rows: 9, cpuMicrosPerRequest: 9, requestsPerSecond: 9 }];
  expect(rowOf(madeUpResults({ overRows }), "signin: CPU")).toMatchObject({ isMet: undefined });
});
