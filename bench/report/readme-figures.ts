// The five figures of the README, made from results like the tables of docs/performance.md.

import { count, mebibytes, milliseconds, NOT_MEASURED, times, withUnit } from "../figures.ts";
import { median } from "../statistics.ts";
import { type Column, markdownTable } from "../tables.ts";
import {
  type BenchResults,
  CLASSIC_GO,
  findContender,
  findLoad,
  HASH_ALONE,
  HASHES,
  type LoadKey,
  NODE,
  PORTICO,
} from "./results.ts";

interface Figure {
  readonly what: string;
  readonly portico: string;
  /** As in "3.45 × classic Go". */
  readonly compared: string;
}

const LOADS: readonly { readonly what: string; readonly load: LoadKey; readonly with: string[] }[] =
  [
    {
      what: "Profiles read, 200 connections",
      load: { endpoint: "get_user_info", connections: 200 },
      with: [CLASSIC_GO, NODE],
    },
    {
      what: "Sign-ins, 200 connections, salted MD5",
      load: { endpoint: "signin", connections: 200, passwordHash: HASHES.classic },
      with: [CLASSIC_GO, NODE],
    },
    {
      what: "Sign-ins, 32 connections, argon2id (the default)",
      load: { endpoint: "signin", connections: 32, passwordHash: HASHES.default },
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
  const { loads } = results;
  const rates = LOADS.map(({ what, load, with: others }): Figure => {
    const found = findLoad(loads, load);
    const rate = findContender(found, PORTICO)?.requestsPerSecond?.median;
    const ratios = others.flatMap((name) => {
      const ratio = times(findContender(found, name)?.porticoRatio);
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
