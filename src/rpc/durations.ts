/** The upper bounds of the buckets of all durations, in seconds. More are in one last bucket. */
export const DURATION_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const BOUNDS_MS = Float64Array.from(DURATION_BOUNDS, (seconds) => seconds * 1000);

/** Counts durations in buckets, for metrics. Adding one costs a few nanoseconds. */
export class Durations {
  /** How many are in each bucket, not counting those of lower buckets. */
  readonly counts = new Float64Array(BOUNDS_MS.length + 1);
  sumMs = 0;

  add(ms: number): void {
    let index = 0;
    // Most durations are short.
    while (ms > (BOUNDS_MS[index] ?? Infinity)) index++;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sumMs += ms;
  }
}
