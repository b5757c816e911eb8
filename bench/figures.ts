// How figures are written, on the page and in the documents. An unknown figure is a dash.

export const NOT_MEASURED = "–";

/** A whole number, as in "12,345". */
export function count(value: number | undefined): string {
  return written(value, 0);
}

/** As in "1.25 ×". */
export function times(value: number | undefined): string {
  return withUnit(written(value, 2), "×");
}

/** A share, as in "12 %" for 0.12. */
export function percent(value: number | undefined): string {
  return withUnit(written(value === undefined ? undefined : value * 100, 0), "%");
}

/** Milliseconds with three significant digits, as in "0.42", "12.3" or "1,234". */
export function milliseconds(value: number | undefined): string {
  return written(value, value === undefined || value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** CPU seconds with five decimals, or with two from one second. */
export function cpuSeconds(value: number | undefined): string {
  return written(value, value !== undefined && value >= 1 ? 2 : 5);
}

/** Microseconds, as in "28.4". */
export function microseconds(value: number | undefined): string {
  return written(value, 1);
}

/** Bytes as MiB, as in "1,234.5". */
export function mebibytes(bytes: number | undefined): string {
  return written(bytes === undefined ? undefined : bytes / 2 ** 20, 1);
}

export function withUnit(figure: string, unit: string): string {
  return figure === NOT_MEASURED ? figure : `${figure} ${unit}`;
}

function written(value: number | undefined, digits: number): string {
  if (value === undefined || !Number.isFinite(value)) return NOT_MEASURED;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
