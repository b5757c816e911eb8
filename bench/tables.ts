/** A column of a table: its heading and, for each row, its text. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
}

/** In characters. A longer heading has several lines. */
const MAX_HEADING_WIDTH = 14;

/**
 * An HTML table. The first column names the rows. A table that is wider than the page scrolls in
 * its own box.
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

/** A Markdown table. The first column is aligned to the left, the others to the right. */
export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(columns.map(({ heading }) => heading)),
    line(columns.map((_, index) => (index === 0 ? "---" : "---:"))),
    ...rows.map((row) => line(columns.map(({ text }) => text(row)))),
  ].join("\n");
}
