import { expect, test } from "bun:test";
import { OperationDurations } from "./operation-durations.ts";

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
  operations.add("mysql", "read user", undefined, 7);
  operations.add("mysql", "read user", undefined, 7);
  operations.add("redis", "read user", undefined, 7);
  const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  operations.add("mysql", "read user", refused, 7);
  operations.add("mysql", "read user", new Error("no answer within 10 ms"), 7);
  operations.add("mysql", "read user", new TypeError("wrong"), 7);
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
    operations.add("mysql", "read user", Object.assign(new Error("x"), { code: `E${n}` }), 7);
  }
  const counts = countsOf(operations);
  expect(Object.keys(counts).length).toBeLessThan(12);
  expect(counts["mysql read user _OTHER"]).toBe(92);
});
