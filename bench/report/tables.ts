/** A column of a table: its heading and, for each row, its text. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
}

/** In characters: a longer heading has several lines. */
const MAX_HEADING_WIDTH = 14;

/**
 * A table whose first column names the rows, as HTML that scrolls in its own box where it is wider
 * than the page.
 */
export function htmlTable<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string {
  const heads = columns.map(({ heading }) => {
    const width = Math.min(heading.length, MAX_HEADING_WIDTH);
    return `<th scope="col" style="min-width:${width}ch">${Bun.escapeHTML(heading)}</th>`;
  });
  const body = rows.map((row) => {
    const cells = columns.map(({ text }, index) =>
      index === 0
        ? `<th scope="row">${Bun.escapeHTML(text(row))}</th>`
        : `<td>${Bun.escapeHTML(text(row))}</td>`,
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  const label = Bun.escapeHTML(caption);
  return `<div class="scroll" role="region" tabindex="0" aria-label="${label}"><table>
<caption><span>${label}</span></caption>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>`;
}

/** The same as Markdown: the first column to the left, figures to the right. */
export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(columns.map(({ heading }) => heading)),
    line(columns.map((_, index) => (index === 0 ? "---" : "---:"))),
    ...rows.map((row) => line(columns.map(({ text }) => text(row)))),
  ].join("\n");
}
