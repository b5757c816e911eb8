import { expect, setDefaultTimeout, test } from "bun:test";
import { available } from "../../test/mariadb.ts";
import { benchSeed, seedTable } from "./main.ts";

// A MariaDB on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test.skipIf(!available)("the seed benchmark runs, and every way loads all rows", async () => {
  const rows = await benchSeed({ rows: 3_000, rounds: 1 });
  expect(rows.map(({ name }) => name)).toEqual([
    "file, sent by the client",
    "file, read by the server",
    "bun run seed",
  ]);
  for (const { rowsPerSecond } of rows) expect(rowsPerSecond).toBeGreaterThan(0);
  expect(rows.at(-1)?.peakMib).toBeGreaterThan(10);
  expect(seedTable(rows).split("\n")).toHaveLength(2 + rows.length);
});
