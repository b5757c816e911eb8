import { expect, test } from "bun:test";
import { join } from "node:path";
import type { MeasuredLoad } from "../sla/round.ts";
import { BEGIN, END, performanceText, replaceBetweenMarkers } from "./performance-tables.ts";
import { figuresText } from "./readme-figures.ts";
import { PORTICO } from "./results.ts";
import { readResults } from "./results-file.ts";
import { madeUpLoads, madeUpResults, round } from "./testing/made-up-results.ts";

const DOCS = join(import.meta.dir, "../../docs");
const PERFORMANCE = join(DOCS, "performance.md");
const README = join(DOCS, "../README.md");
const LINKS = { html: "made/up.html", json: "made/up.json" };

test("the text between the markers is replaced, and the rest is kept", () => {
  const readme = `before\n\n${BEGIN}\nold\n${END}\n\nafter\n`;
  const once = replaceBetweenMarkers(readme, "new $& text");
  expect(once).toBe(`before\n\n${BEGIN}\nnew $& text\n${END}\n\nafter\n`);
  expect(replaceBetweenMarkers(once, "new $& text")).toBe(once);
});

test.each([
  ["none", "nothing"],
  ["no end", `${BEGIN}\n`],
  ["no begin", `${END}\n`],
  ["the wrong order", `${END}\n${BEGIN}\n`],
  ["an end before both", `${END}\n${BEGIN}\n${END}\n`],
  ["two ends", `${BEGIN}\n${END}\n${END}\n`],
  ["two pairs", `${BEGIN}\n${END}\n${BEGIN}\n${END}\n`],
])("markers are required: %s", (_, readme) => {
  expect(() => replaceBetweenMarkers(readme, "new")).toThrow(
    "Cannot find `<!-- bench:begin -->` and then `<!-- bench:end -->`, once each",
  );
});

test("the figures of docs/performance.md and of the README are those of the results", async () => {
  const performance = await Bun.file(PERFORMANCE).text();
  const readme = await Bun.file(README).text();
  const link = (format: string) =>
    new RegExp(`\\((\\.\\./bench/results/[^)]+\\.${format})\\)`).exec(performance)?.[1] ?? "";
  const links = { html: link("html"), json: link("json") };
  const results = await readResults(join(DOCS, links.json));
  const tables = performanceText(results, links);
  expect(replaceBetweenMarkers(performance, tables)).toBe(performance);
  expect(replaceBetweenMarkers(readme, figuresText(results))).toBe(readme);
});

test("the README has five figures, each with what it is compared with", () => {
  const rows = figuresText(madeUpResults()).split("\n");
  expect(rows.slice(2)).toHaveLength(5);
  expect(rows.at(-2)).toBe("| From start to first answer, on SQLite | 405 ms |  |");
});

test("the text says where the figures are from", () => {
  const text = performanceText(madeUpResults(), LINKS);
  expect(text).toStartWith(
    "`made up by a test`, 2001-02-03, commit 0000000: Made-up <CPU> & more, 3 cores, 7,168 MiB, " +
      "Bun 0.0.1, MariaDB 0.0.2; 1,234 users, 3 rounds of 2 s.\n",
  );
  expect(text).toContain("(made/up.html)");
  expect(text).toContain("(made/up.json)");
  expect(text).toContain("Left out: peer Z: a made-up reason.");
  expect(text).toContain("HTTP 201.0 MiB, then 102.0; TCP 153.0 MiB, then 94.0.");
});

test("each load is a row, with its floor and every contender's figures and ratio", () => {
  const latencyMs = { p50: 1.23, p90: 2, p99: 34.5, p999: 678, max: 900 };
  const ours = round({ requests: 6000, errors: 3, refused: 4, wrong: 1, latencyMs });
  const contenders = [
    { name: PORTICO, rounds: [ours] },
    { name: "a | b", rounds: [round({ requests: 1500, errors: 1200 })] },
  ];
  const key = { endpoint: "e", connections: 2000, users: 1, tool: "none", floor: 3000 };
  const load = { ...key, contenders };
  const names = [PORTICO, "a | b", "absent"];
  const text = performanceText(madeUpResults({ contenders: names, loads: [load] }), LINKS);
  const rows = text
    .split("\n")
    .filter((line) => line.startsWith("| e, 2,000 connections (none) |"));
  expect(rows).toEqual([
    "| e, 2,000 connections (none) | 3,000 | 6,000 | 1,500 (4.00 ×), 1,200 errors | – |",
    "| e, 2,000 connections (none) | 0.12500 | 0.50000 | – |",
    "| e, 2,000 connections (none) | 1.23 | 34.5 | 678 | 3 | 4 | 1 of 10 | 0.08333 | 0.04167 | 5 % |",
  ]);
  expect(text).toContain("| load | floor | Portico | a \\| b | absent |");
});

test("users are listed by hash if loads have different tables", () => {
  const [one, two, three] = madeUpLoads();
  const loads = [
    { ...one, users: 5000, passwordHash: "salted-md5" },
    { ...two, users: 70, passwordHash: "argon2id:m=1,t=1,p=1" },
    { ...three, users: 70, passwordHash: "argon2id:m=2,t=1,p=1" },
  ] as MeasuredLoad[];
  expect(performanceText(madeUpResults({ loads }), LINKS)).toContain(
    "; 5,000 users (salted-md5), 70 users (argon2id:m=1,t=1,p=1; argon2id:m=2,t=1,p=1), 3 rounds",
  );
  expect(performanceText(madeUpResults({ loads: [] }), LINKS)).toContain("; –, 3 rounds");
});

test("targets are a table, with a verdict in words", () => {
  const text = performanceText(madeUpResults({ startMs: [499], memory: [] }), LINKS);
  expect(text).toMatch(/^Targets: \d+ of 23 met, \d+ not met, \d+ not measured\.$/m);
  expect(text).toContain("| what | met | target | measured |\n");
  expect(text).toContain(
    "| From the start to the first answer, embedded | yes | under 500 ms | 499 ms |\n",
  );
  expect(text).toContain(
    "| Memory of each tier, a minute later | not measured | under 100 MB (95.4 MiB) | – |\n",
  );
});
