// The tables of metrics in docs/operations.md, from src/telemetry/metrics/catalogue.ts.
// `bun run format` writes them, and a test compares them.

import { join } from "node:path";
import {
  HTTP_METRICS,
  PROCESS_METRICS,
  TCP_METRICS,
  WORKER_METRICS,
} from "../src/telemetry/metrics/catalogue.ts";
import type { MetricSpecs } from "../src/telemetry/metrics/spec.ts";

export const METRICS_PAGE = join(import.meta.dir, "../docs/operations.md");
const [BEGIN, END] = ["<!-- metrics:begin -->\n", "<!-- metrics:end -->\n"];

const GROUPS: Readonly<Record<string, MetricSpecs>> = {
  "Of both tiers": PROCESS_METRICS,
  "Of the HTTP tier": HTTP_METRICS,
  "Of the TCP tier": TCP_METRICS,
  "Of `bun run start` and `bun run dev`": WORKER_METRICS,
};

/** The page with its tables as they must be. */
export function withMetricTables(page: string): string {
  const [before, after] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (before < BEGIN.length || after < before) {
    throw new Error(`Cannot find ${BEGIN}in ${METRICS_PAGE}`);
  }
  const tables = Object.entries(GROUPS).map(([title, specs]) => {
    const rows = Object.entries(specs).map(([name, { type, labels, help }]) => {
      const names = labels.map((label) => `\`${label}\``).join(", ");
      return `| \`${name}\` | ${type} | ${names} | ${help} |`;
    });
    const head = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"];
    return [`#### ${title}`, "", ...head, ...rows].join("\n");
  });
  return `${page.slice(0, before)}\n${tables.join("\n\n")}\n\n${page.slice(after)}`;
}

if (import.meta.main) {
  await Bun.write(METRICS_PAGE, withMetricTables(await Bun.file(METRICS_PAGE).text()));
}
