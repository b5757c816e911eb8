const COLUMNS = 80;

/** Break a text at its spaces, to be read at `indent`; a word longer than a line stays whole. */
export function wrap(text: string, indent: string, hanging: string = indent): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    const isFirst = line === indent || line === hanging;
    if (!isFirst && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = hanging + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line].join("\n");
}

/** Rows below each other, each column as wide as its widest cell; the last one is wrapped. */
export function table(rows: readonly (readonly string[])[], indent: string): string {
  const columns = Math.max(0, ...rows.map((row) => row.length)) - 1;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => {
      const cells = widths.map((width, column) => (row[column] ?? "").padEnd(width));
      const start = `${[indent + (cells.shift() ?? ""), ...cells].join("  ")}  `;
      return wrap(row[columns] ?? "", start, " ".repeat(start.length)).trimEnd();
    })
    .join("\n");
}
