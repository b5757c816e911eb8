import { count } from "../figures.ts";
import { type Column, htmlTable, markdownTable } from "../tables.ts";
import type { BenchResults } from "./results.ts";
import { type Target, targetsOf } from "./targets.ts";

/** The verdict is in the second column, so that a narrow screen shows it. */
const COLUMNS: readonly Column<Target>[] = [
  { heading: "what", text: ({ what }) => what },
  { heading: "met", text: ({ isMet }) => verdict(isMet) },
  { heading: "target", text: ({ target }) => target },
  { heading: "measured", text: ({ measured }) => measured },
];

/** A section of the page. */
export function targetsSection(results: BenchResults): string {
  const rows = targetsOf(results);
  return `<section id="targets">
<h2>Targets</h2>
<p>What Portico is to reach, and what this run has measured: ${countsOf(rows)}. Ratios compare
contenders in the same round. The median of the rounds counts, before it is rounded. If two tools
have sent a load, ratios are those of wrk; the floors must be reached with both.</p>
${htmlTable("Targets, whether they are met, and what was measured", COLUMNS, rows)}
</section>`;
}

/** Markdown: a line and a table. */
export function targetsText(results: BenchResults): string {
  const rows = targetsOf(results);
  return `Targets: ${countsOf(rows)}.\n\n${markdownTable(COLUMNS, rows)}`;
}

function verdict(isMet: boolean | undefined): string {
  if (isMet === undefined) return "not measured";
  return isMet ? "yes" : "no";
}

/** As in "20 of 23 met, 1 not met, 2 not measured". */
function countsOf(rows: readonly Target[]): string {
  const of = (isMet: boolean | undefined) => rows.filter((row) => row.isMet === isMet).length;
  const [met, missed, unknown] = [of(true), of(false), of(undefined)];
  return `${count(met)} of ${count(rows.length)} met, ${count(missed)} not met, \
${count(unknown)} not measured`;
}
