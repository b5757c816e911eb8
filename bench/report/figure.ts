import type { SymbolType } from "@observablehq/plot";

/** How to tell series apart: by colour and symbol, and after the seventh by dashes. */
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

export function seriesStyle(index: number): SeriesStyle {
  const [symbol, character] = SYMBOLS[index % SYMBOLS.length] ?? ["circle", "●"];
  const color = `var(--series-${(index % SYMBOLS.length) + 1})`;
  return { color, symbol, character, dashes: index < SYMBOLS.length ? "none" : "4 3" };
}

export interface Figure {
  readonly title: string;
  readonly text: string;
  /** SVG; false if there is nothing to draw. */
  readonly chart: string | false;
  /** HTML. */
  readonly legend?: string;
}

/** A chart with its caption, as HTML. */
export function figure({ title, text, chart, legend = "" }: Figure): string {
  const caption = `<strong>${Bun.escapeHTML(title)}</strong> ${Bun.escapeHTML(text)}`;
  return `<figure>
<figcaption>${caption}</figcaption>
${chart === false ? "<p>Not measured.</p>" : chart + legend}
</figure>`;
}

/** The symbol and the colour of each series, as HTML. */
export function legend(entries: readonly { name: string; style: SeriesStyle }[]): string {
  const items = entries.map(({ name, style: { character, color } }) => {
    const key = `<span aria-hidden="true" style="color:${color}">${character}</span>`;
    return `<li>${key} ${Bun.escapeHTML(name)}</li>`;
  });
  return `<ul class="legend">${items.join("")}</ul>`;
}
