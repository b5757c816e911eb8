// What is wanted and measured, as a table for the page and the README.

import { count } from "./figures.ts";
import type { BenchResults } from "./results.ts";
import { type Column, htmlTable, markdownTable } from "./tables.ts";
import { type Wanted, wantedOf } from "./wanted.ts";

/** The verdict is the second, so that a narrow screen shows it. */
const COLUMNS: readonly Column<Wanted>[] = [
  { heading: "what", text: ({ what }) => what },
  { heading: "kept", text: ({ isKept }) => verdict(isKept) },
  { heading: "wanted", text: ({ wanted }) => wanted },
  { heading: "measured", text: ({ measured }) => measured },
];

/** As a section of the page. */
export function wantedSection(results: BenchResults): string {
  const rows = wantedOf(results);
  return `<section id="wanted">
<h2>Wanted and measured</h2>
<p>What Portico is to reach, beside what this run has measured: ${inAll(rows)}. Ratios to
other ways are of the same round; the median of the rounds counts, before it is rounded. Where two
tools have sent a load, they are of wrk's; the floors are to be reached with both.</p>
${htmlTable("What is wanted, whether it is kept, and what was measured", COLUMNS, rows)}
</section>`;
}

/** As Markdown: a line and a table. */
export function wantedText(results: BenchResults): string {
  const rows = wantedOf(results);
  return `Wanted and measured: ${inAll(rows)}.\n\n${markdownTable(COLUMNS, rows)}`;
}

function verdict(isKept: boolean | undefined): string {
  if (isKept === undefined) return "not measured";
  return isKept ? "yes" : "no";
}

/** As in "20 of 23 kept, 1 not kept, 2 not measured". */
function inAll(rows: readonly Wanted[]): string {
  const of = (isKept: boolean | undefined) => rows.filter((row) => row.isKept === isKept).length;
  const [kept, broken, unknown] = [of(true), of(false), of(undefined)];
  return `${count(kept)} of ${count(rows.length)} kept, ${count(broken)} not kept, \
${count(unknown)} not measured`;
}
