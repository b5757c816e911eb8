import { expect, test } from "bun:test";
import type { CallRecord } from "../gen/system.ts";
import type { InterceptedCall, Outcome } from "../rpc/interceptor.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { Steps } from "../rpc/steps.ts";
import { SAY } from "../rpc/testing/stack.ts";
import { CallRecords, MAX_OF_A_KIND } from "./call-records.ts";
import { DatabaseOperations, observeBoth } from "./database-operations.ts";
import type { Stalls } from "./stalls.ts";

const SLOW_MS = 1000;
const NO_STALLS: Pick<Stalls, "steps" | "beforeMs"> = {
  steps: (steps) => steps,
  beforeMs: () => 0,
};

const callOf = (requestId: string, msAgo = 0): InterceptedCall => ({
  ...{ method: SAY, requestId, metadata: {}, deadline: 0 },
  begunAt: performance.now() - msAgo,
});

const recordOf = (requestId: string): CallRecord => ({
  ...{ tier: "http", process: 1, requestId, at: new Date().toISOString(), what: "GET /" },
  ...{ outcome: "status 503", ms: 1, steps: [], operations: [] },
});

test("CallRecords keeps slow calls and faults, and no mistake of a client", () => {
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), NO_STALLS);
  const outcomes: Outcome[] = [
    ...(["done", "PasswordError", "invalid_argument", "rate_limited"] as const),
    ...(["DataBaseError", "deadline_exceeded", "cancelled", "internal"] as const),
  ];
  for (const outcome of outcomes) {
    const call = callOf(outcome);
    records.interceptor(call)?.(outcome, call, performance.now());
  }
  const slow = callOf("slow", SLOW_MS);
  records.interceptor(slow)?.("done", slow, performance.now());
  const isKept = (id: string) => records.explain(id).records.length === 1;
  expect([...outcomes, "slow"].filter(isKept)).toEqual([
    ...["DataBaseError", "deadline_exceeded", "cancelled", "internal", "slow"],
  ]);
});

test("the steps of a record add up to its time", () => {
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), NO_STALLS);
  const steps = new Steps();
  steps.add("hashing", 700);
  const call = { ...callOf("slow", 2000), steps };
  records.interceptor(call)?.("done", call, performance.now());
  const [record] = records.explain("slow").records;
  expect(record?.steps.map(({ name }) => name)).toEqual(["hashing", "in the handler"]);
  const sum = record?.steps.reduce((all, { ms }) => all + ms, 0) ?? 0;
  expect(sum).toBeCloseTo(record?.ms ?? 0, 3);
});

test("a burst of faults takes 100 places in a second, and the newest records replace the oldest", () => {
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), NO_STALLS);
  const startedAt = performance.now();
  for (let fault = 0; fault < 1000; fault++) {
    const call = callOf("burst");
    records.interceptor(call)?.("internal", call, performance.now());
  }
  const seconds = 1 + Math.ceil((performance.now() - startedAt) / 1000);
  expect(records.explain("burst").kept).toBeWithin(1, seconds * 100 + 1);
  records.report([recordOf("old")]);
  records.report(Array.from({ length: MAX_OF_A_KIND - 1 }, () => recordOf("new")));
  expect(records.explain("old").records).toHaveLength(1);
  records.report([recordOf("new")]);
  const { records: found, kept } = records.explain("old");
  expect([found.length, kept]).toEqual([0, MAX_OF_A_KIND]);
});

test("slow requests, which a client can make as it likes, do not replace failures", () => {
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), NO_STALLS);
  records.report([recordOf("failed")]);
  const slow = { ...recordOf("slow"), outcome: "the client closed the connection (status 400)" };
  for (let batch = 0; batch < 3; batch++) {
    records.report(Array.from({ length: MAX_OF_A_KIND }, () => slow));
  }
  expect(records.explain("failed").records).toHaveLength(1);
  expect(records.explain("slow").kept).toBe(MAX_OF_A_KIND + 1);
  // Own calls: the slow ones of a second leave room for its failures.
  const now = performance.now();
  for (let call = 0; call < 300; call++) {
    const late = callOf("own slow", SLOW_MS);
    records.interceptor(late)?.("done", late, now);
  }
  const failed = callOf("own failure");
  records.interceptor(failed)?.("internal", failed, now);
  expect(records.explain("own failure").records).toHaveLength(1);
});

test("a call that waited in the socket of a stopped process says so, even if it was fast", () => {
  const stopped = { ...NO_STALLS, beforeMs: () => 8700 };
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), stopped);
  const call = callOf("late");
  records.interceptor(call)?.("done", call, performance.now());
  expect(records.explain("late").records[0]?.reason).toContain("stood still for 8.7 s before");
});

test("a lost Redis is told in plain words", () => {
  const operations = new DatabaseOperations();
  const error = Object.assign(
    new Error("Reached the max retries per request limit (which is 0)."),
    {
      name: "MaxRetriesPerRequestError",
    },
  );
  operations.observe("redis", "read session")(error);
  expect(operations.since(0, performance.now())[0]?.error).toBe("no connection");
});

test("a report cannot speak for this server, nor keep it from explaining", () => {
  const records = new CallRecords(SLOW_MS, new DatabaseOperations(), NO_STALLS);
  const operation = { system: "mysql", name: "x".repeat(1_000_000), ms: 1, isOver: true };
  const forged = { ...recordOf("forged"), tier: "tcp", operations: [operation] } as const;
  records.report([forged]);
  expect(records.explain("forged").records).toEqual([{ ...forged, tier: "http", operations: [] }]);
  // What HTTP tiers say of the time is not believed.
  const odd = { ...recordOf("odd"), at: "yesterday", reason: "\u0001".repeat(1000) };
  for (let record = 0; record < MAX_OF_A_KIND + 1; record++) records.report([odd]);
  const explanation = records.explain("odd");
  expect(Date.parse(explanation.since)).toBeWithin(Date.now() - 60_000, Date.now() + 1);
  expect(JSON.stringify(explanation).length).toBeLessThan(DEFAULT_LIMITS.maxFrameBytes);
});

test("two observers both see the begin and the end of an operation", () => {
  const seen: unknown[] = [];
  const recorded = (who: string) => (system: string, name: string) => {
    seen.push([who, system, name]);
    return (error: unknown) => void seen.push([who, error]);
  };
  const [one, other] = [recorded("one"), recorded("other")];
  observeBoth(one, other)?.("redis", "ping")?.("why");
  expect(seen.toSorted()).toEqual([
    ["one", "redis", "ping"],
    ["one", "why"],
    ["other", "redis", "ping"],
    ["other", "why"],
  ]);
  expect(observeBoth(undefined, one)).toBe(one);
});

test("DatabaseOperations tells what failed, and what is slow or still runs", async () => {
  const operations = new DatabaseOperations();
  const begunAt = performance.now();
  operations.observe("mysql", "read user")(undefined);
  const secret = Object.assign(new Error("Duplicate entry 'grace'"), { code: "ER_DUP_ENTRY" });
  operations.observe("mysql", "create user")(secret);
  operations.observe("redis", "read session")(new Error("at 'grace'"));
  operations.observe("redis", "open session")(new Error("Command timed out"));
  const endLate = operations.observe("mysql", "update nickname");
  operations.observe("mysql", "find users");
  await Bun.sleep(150);
  endLate(undefined);
  const told = operations.since(begunAt, performance.now());
  expect(told.map(({ name, error, isOver }) => [name, error, isOver])).toEqual(
    expect.arrayContaining([
      ["create user", "ER_DUP_ENTRY", true],
      ["read session", "Error", true],
      ["open session", "Command timed out", true],
      ["update nickname", undefined, true],
      ["find users", undefined, false],
    ]),
  );
  expect(told).toHaveLength(5);
  const later = performance.now();
  expect(operations.since(later, later).map(({ name }) => name)).toEqual(["find users"]);
});
