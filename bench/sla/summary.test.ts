import { expect, test } from "bun:test";
import { BARE, PORTICO } from "../report/results.ts";
import { round } from "../report/testing/made-up-results.ts";
import { median } from "../statistics.ts";
import type { Round } from "./round.ts";
import { summarize } from "./summary.ts";

/** Of one load: the contenders with their rounds, by name. */
function summaryOf(rounds: Readonly<Record<string, Round[]>>) {
  const contenders = Object.entries(rounds).map(([name, ofName]) => ({
    name,
    rounds: ofName,
  }));
  const load = { endpoint: "made up", connections: 1, users: 1, tool: "none", contenders };
  const names = contenders.map(({ name }) => name);
  const summary = summarize(load, names, 3);
  return (name: string) => {
    const found = summary.contenders.find((each) => each.name === name);
    if (!found) throw new Error(`No ${name} in the summary`);
    return found;
  };
}

const withRequests = (...requests: number[]) => requests.map((each) => round({ requests: each }));

test("the median is the middle value or the mean of two, without missing values", () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 20, 30])).toBe(25);
  expect(median([Number.NaN, 5, undefined, Number.POSITIVE_INFINITY])).toBe(5);
  expect(median([])).toBeUndefined();
});

test("throughput is requests per second: the median and the range of the rounds", () => {
  const of = summaryOf({
    [PORTICO]: [round({ requests: 900, seconds: 3 }), round({ requests: 500 }), round()],
  });
  expect(of(PORTICO).requestsPerSecond).toEqual({ least: 300, median: 500, most: 1000 });
});

test("ratios are taken within a round, before the median", () => {
  // Of the medians the ratio would be 200 / 100; of the rounds it is 10, 1 and 3.
  const of = summaryOf({ [PORTICO]: withRequests(1000, 100, 200), A: withRequests(100, 100, 67) });
  expect(of("A").porticoRatio).toBeCloseTo(200 / 67);
  expect(of(PORTICO).porticoRatio).toBe(1);
});

test("a round that only one contender has does not count for a ratio", () => {
  const of = summaryOf({ [PORTICO]: withRequests(1000, 800), A: withRequests(500) });
  expect(of("A").porticoRatio).toBe(2);
  expect(summaryOf({ A: withRequests(500) })("A").porticoRatio).toBeUndefined();
});

test("latencies are medians by quantile, without rounds that have no answers", () => {
  const at = (p50: number, max: number) => ({ p50, p90: 1, p99: 2, p999: 3, max });
  const of = summaryOf({
    [PORTICO]: [
      round({ latencyMs: at(5, 60) }),
      round({ latencyMs: at(9, 20) }),
      round({ latencyMs: at(7, 40) }),
      round({ requests: 0, latencyMs: at(0, 0) }),
    ],
  });
  expect(of(PORTICO).latencyMs).toEqual(at(7, 40));
});

test("errors, refusals and wrong answers are added up over all rounds", () => {
  const bad = round({ errors: 3, refused: 5, checked: 7, wrong: 2 });
  const { errors, refused, checked, wrong } = summaryOf({ [PORTICO]: [bad, round(), bad] })(
    PORTICO,
  );
  expect({ errors, refused, checked, wrong }).toEqual({
    errors: 6,
    refused: 10,
    checked: 24,
    wrong: 4,
  });
});

test("CPU is per 1,000 requests: in total, by process, and as a multiple of the ceiling", () => {
  const of = summaryOf({
    [PORTICO]: [round({ requests: 2000, cpuSeconds: { HTTP: 0.5, TCP: 0.25, Redis: 0.25 } })],
    [BARE]: [round({ requests: 4000, cpuSeconds: { HTTP: 0.5 } })],
  });
  expect(of(PORTICO)).toMatchObject({
    cpuSeconds: 0.5,
    cpuSecondsByProcess: { HTTP: 0.25, TCP: 0.125, Redis: 0.125 },
    cpuRatioToBare: 4,
  });
  expect(of(BARE).cpuRatioToBare).toBe(1);
});

test("memory is the median by process", () => {
  const of = summaryOf({
    [PORTICO]: [10, 30, 20].map((bytes) => round({ memoryBytes: { HTTP: bytes, TCP: 2 * bytes } })),
  });
  expect(of(PORTICO).memoryBytes).toEqual({ HTTP: 20, TCP: 40 });
});

test("steal time is the median of the rounds that have it", () => {
  const { stolenShare: _, ...unknowing } = round();
  const knowing = [0.4, 0.1].map((stolenShare) => round({ stolenShare }));
  expect(summaryOf({ [PORTICO]: [...knowing, unknowing] })(PORTICO).stolenShare).toBe(0.25);
  expect(summaryOf({ [PORTICO]: [unknowing] })(PORTICO).stolenShare).toBeUndefined();
});

test("with extra rounds, medians are of the least disturbed ones, and errors of all", () => {
  const at = (requests: number, stolenShare: number, errors = 0) =>
    round({ requests, stolenShare, errors });
  // Three are planned. Portico lost most of the second round, and A of the fourth.
  const of = summaryOf({
    [PORTICO]: [at(1000, 0.01), at(10, 0.5, 7), at(3000, 0.02), at(20, 0), at(2000, 0.04, 2)],
    A: [at(100, 0), at(1, 0.1), at(100, 0), at(1, 0.4), at(100, 0.03)],
  });
  expect(of(PORTICO)).toMatchObject({
    rounds: 3,
    requestsPerSecond: { least: 1000, median: 2000, most: 3000 },
    errors: 9,
    checked: 50,
    stolenShare: 0.02,
  });
  expect(of("A")).toMatchObject({ rounds: 3, porticoRatio: 20, requestsPerSecond: { most: 100 } });
});

test("a contender that was not measured under a load is listed without figures", () => {
  const absent = summaryOf({ [PORTICO]: [round()], absent: [] })("absent");
  expect(absent).toMatchObject({ name: "absent", rounds: 0, errors: 0 });
  expect(absent.requestsPerSecond).toBeUndefined();
  expect(absent.cpuSeconds).toBeUndefined();
});
