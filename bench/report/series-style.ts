import type { SymbolType } from "@observablehq/plot";

/** How a series is told apart: by its colour and its symbol, and beyond seven by its dashes. */
export interface SeriesStyle {
  readonly color: string;
  readonly symbol: SymbolType;
  /** The symbol as text, for a legend. */
  readonly character: string;
  readonly dashes: string;
}

const SYMBOLS: readonly [SymbolType, string][] = [
  ["circle", "●"],
  ["square", "■"],
  ["triangle", "▲"],
  ["diamond", "◆"],
  ["star", "★"],
  ["cross", "✚"],
  ["wye", "Y"],
];

/** The style of the series at `index`. */
export function seriesStyle(index: number): SeriesStyle {
  const [symbol, character] = SYMBOLS[index % SYMBOLS.length] ?? ["circle", "●"];
  const color = `var(--series-${(index % SYMBOLS.length) + 1})`;
  return { color, symbol, character, dashes: index < SYMBOLS.length ? "none" : "4 3" };
}
