/** The middle finite value, or the mean of the two in the middle; undefined if there are none. */
export function median(values: Iterable<number | undefined>): number | undefined {
  const sorted = finite(values).sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** Undefined if a value is missing or the divisor is 0. */
export function quotient(value: number | undefined, by: number | undefined): number | undefined {
  return value !== undefined && by ? value / by : undefined;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export function finite(values: Iterable<number | undefined>): number[] {
  return [...values].filter((value) => value !== undefined).filter(Number.isFinite);
}
