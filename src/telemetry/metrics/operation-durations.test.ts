import { expect, test } from "bun:test";
import { OperationDurations, observeBoth } from "./operation-durations.ts";

/** `database operation error` → how many. */
function countsOf(operations: OperationDurations): Record<string, number> {
  const counts = Array.from(operations.distributions(), ({ labels, durations }) => {
    const { db_system_name, db_operation_name, error_type = "" } = labels;
    const total = durations.counts.reduce((sum, count) => sum + count, 0);
    return [`${db_system_name} ${db_operation_name} ${error_type}`.trim(), total];
  });
  return Object.fromEntries(counts);
}

test("operations are counted by database, name and type of error", () => {
  const operations = new OperationDurations();
  operations.observe("mysql", "read user")(undefined);
  operations.observe("mysql", "read user")(undefined);
  operations.observe("redis", "read user")(undefined);
  const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  operations.observe("mysql", "read user")(refused);
  operations.observe("mysql", "read user")(new Error("no answer within 10 ms"));
  operations.observe("mysql", "read user")(new TypeError("wrong"));
  expect(countsOf(operations)).toEqual({
    "mysql read user": 2,
    "redis read user": 1,
    "mysql read user ECONNREFUSED": 1,
    "mysql read user timeout": 1,
    "mysql read user TypeError": 1,
  });
});

test("an operation has few types of errors, whatever drivers throw", () => {
  const operations = new OperationDurations();
  for (let n = 0; n < 100; n++) {
    operations.observe("mysql", "read user")(Object.assign(new Error("x"), { code: `E${n}` }));
  }
  const counts = countsOf(operations);
  expect(Object.keys(counts).length).toBeLessThan(12);
  expect(counts["mysql read user _OTHER"]).toBe(92);
});

test("two observers both see the begin and the end of an operation", () => {
  const [one, other] = [new OperationDurations(), new OperationDurations()];
  observeBoth(one.observe, other.observe)?.("redis", "ping")?.(undefined);
  expect([countsOf(one), countsOf(other)]).toEqual([{ "redis ping": 1 }, { "redis ping": 1 }]);
  expect(observeBoth(undefined, one.observe)).toBe(one.observe);
});
