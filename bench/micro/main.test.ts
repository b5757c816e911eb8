import { expect, setDefaultTimeout, test } from "bun:test";
import { benchMicro, microTable } from "./main.ts";
import { parts } from "./parts.ts";

// Costly hashes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("the micro benchmark runs, and every part returns the right result", async () => {
  const rows = await benchMicro({ durationMs: 1, batch: 8 });
  expect(rows.map(({ name }) => name)).toEqual((await parts()).map(({ name }) => name));
  for (const { meanNs, p99Ns } of rows) {
    expect(meanNs).toBeGreaterThan(0);
    expect(p99Ns).toBeGreaterThan(0);
  }
  expect(microTable(rows).split("\n")).toHaveLength(2 + rows.length);
});

test("the table has readable units", () => {
  const row = { name: "it", meanNs: 250.4, p99Ns: 2504 };
  expect(
    microTable([row, { ...row, meanNs: 2.5e6 }])
      .split("\n")
      .slice(2),
  ).toEqual(["| it | 250 ns | 2.5 µs | 3,993,610 |", "| it | 2.5 ms | 2.5 µs | 400 |"]);
});
