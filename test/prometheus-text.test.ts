import { expect, test } from "bun:test";
import { parseMetrics } from "./prometheus-text.ts";

const GOOD = `# HELP calls_total Calls
# TYPE calls_total counter
calls_total{method="a \\"b\\"",code="1"} 2
calls_total 0

# HELP took_seconds Durations
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 3.5
took_seconds_count 2
`;

test("the parser reads series by their names and sorted labels", () => {
  const families = parseMetrics(GOOD);
  expect([...(families.get("calls_total")?.series ?? [])]).toEqual([
    ['calls_total{code="1",method="a \\"b\\""}', 2],
    ["calls_total{}", 0],
  ]);
  expect(families.get("took_seconds")?.series.get("took_seconds_count{}")).toBe(2);
});

test.each([
  ["no line break at the end", GOOD.trimEnd()],
  ["no type", GOOD.replace(/# TYPE took.*\n/, "")],
  ["no help", GOOD.replace(/# HELP took.*\n/, "")],
  ["an unknown type", GOOD.replace("histogram", "histo")],
  ["a counter without _total", GOOD.replaceAll("calls_total", "calls")],
  ["a series twice", GOOD.replace("calls_total 0\n", "calls_total 0\ncalls_total 1\n")],
  ["a metric twice", GOOD + GOOD],
  ["a value that is no number", GOOD.replace("3.5", "NaN")],
  ["a counter below 0", GOOD.replace("calls_total 0", "calls_total -1")],
  ["an open label", GOOD.replace('code="1"', 'code="1')],
  ["a comma at the end", GOOD.replace('code="1"', 'code="1",')],
  ["a label twice", GOOD.replace('code="1"', 'method="1"')],
  ["buckets that fall", GOOD.replace('le="1"} 1', 'le="1"} 3')],
  ["a count that is not that of the last bucket", GOOD.replace("count 2", "count 3")],
  ["no last bucket", GOOD.replace(/.*Inf.*\n/, "")],
  ["no sum", GOOD.replace(/.*_sum.*\n/, "")],
])("the parser refuses %s", (_, text) => {
  expect(() => parseMetrics(text)).toThrow();
});
