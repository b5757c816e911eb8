// How the commands print texts, tables, numbers and durations.

const COLUMNS = 80;

/**
 * Break a text at its spaces into lines that begin with `indent`, those after the first with
 * `hanging`. A word longer than a line stays whole.
 */
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

/** A table without lines. Each column is as wide as its widest cell; the last column is wrapped. */
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

/** A whole number, such as "1,234". */
export function count(number: number): string {
  return Math.round(number).toLocaleString("en");
}

/** Rows per second. */
export function rateOf(rows: number, ms: number): number {
  return rows / Math.max(ms / 1000, 0.001);
}

/** Such as "1h 5m", "5m 12s" or "12s". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const format = new Intl.DurationFormat("en", { style: "narrow", secondsDisplay: "always" });
  if (hours > 0) return format.format({ hours, minutes }).replace(/ 0s$/, "");
  return format.format({ minutes, seconds: whole % 60 });
}
