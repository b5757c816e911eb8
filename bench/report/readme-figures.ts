// The five figures of the README, written from results like the tables of docs/performance.md.

import { count, mebibytes, milliseconds, NOT_MEASURED, times, withUnit } from "./figures.ts";
import { type BenchResults, CLASSIC_GO, HASH_ALONE, NODE, PORTICO } from "./results.ts";
import { median, summarize } from "./summary.ts";
import { type Column, markdownTable } from "./tables.ts";
import { contender, DEFAULT_HASH, find, type Key } from "./wanted.ts";

interface Figure {
  readonly what: string;
  readonly portico: string;
  /** As in "3.45 × classic Go". */
  readonly compared: string;
}

const LOADS: readonly { readonly what: string; readonly load: Key; readonly with: string[] }[] = [
  {
    what: "Profiles read, 200 connections",
    load: { endpoint: "get_user_info", connections: 200 },
    with: [CLASSIC_GO, NODE],
  },
  {
    what: "Sign-ins, 200 connections, salted MD5",
    load: { endpoint: "signin", connections: 200, passwordHash: "salted-md5" },
    with: [CLASSIC_GO, NODE],
  },
  {
    what: "Sign-ins, 32 connections, argon2id (the default)",
    load: { endpoint: "signin", connections: 32, passwordHash: DEFAULT_HASH },
    with: [CLASSIC_GO, HASH_ALONE],
  },
];

const COLUMNS: readonly Column<Figure>[] = [
  { heading: "what", text: ({ what }) => what },
  { heading: "Portico", text: ({ portico }) => portico },
  { heading: "compared", text: ({ compared }) => compared },
];

/** A Markdown table. */
export function figuresText(results: BenchResults): string {
  const loads = summarize(results);
  const rates = LOADS.map(({ what, load, with: others }): Figure => {
    const found = find(loads, load);
    const rate = contender(found, PORTICO)?.requestsPerSecond?.median;
    const ratios = others.flatMap((name) => {
      const ratio = times(contender(found, name)?.porticoRatio);
      return ratio === NOT_MEASURED ? [] : [`${ratio} ${name}`];
    });
    return { what, portico: withUnit(count(rate), "a second"), compared: ratios.join(", ") };
  });
  const tiers = results.memory.map(
    ({ tier, afterBytes }) => `${tier} ${withUnit(mebibytes(afterBytes), "MiB")}`,
  );
  const start = withUnit(milliseconds(median(results.startMs)), "ms");
  return markdownTable(COLUMNS, [
    ...rates,
    { what: "From start to first answer, on SQLite", portico: start, compared: "" },
    {
      what: "Memory of each tier after 2,000 connections",
      portico: tiers.join(", ") || NOT_MEASURED,
      compared: "",
    },
  ]);
}
