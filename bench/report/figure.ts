import type { SeriesStyle } from "./series-style.ts";

export interface Figure {
  readonly title: string;
  readonly text: string;
  /** SVG; false where there is nothing to draw. */
  readonly chart: string | false;
  /** HTML. */
  readonly legend?: string;
}

/** A chart with its caption. */
export function figure({ title, text, chart, legend = "" }: Figure): string {
  const caption = `<strong>${Bun.escapeHTML(title)}</strong> ${Bun.escapeHTML(text)}`;
  return `<figure>
<figcaption>${caption}</figcaption>
${chart === false ? "<p>Not measured.</p>" : chart + legend}
</figure>`;
}

/** Which series has which symbol and colour. */
export function legend(entries: readonly { name: string; style: SeriesStyle }[]): string {
  const items = entries.map(({ name, style: { character, color } }) => {
    const key = `<span aria-hidden="true" style="color:${color}">${character}</span>`;
    return `<li>${key} ${Bun.escapeHTML(name)}</li>`;
  });
  return `<ul class="legend">${items.join("")}</ul>`;
}
