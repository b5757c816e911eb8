import { SingleBar } from "cli-progress";

/** The rate is that of the last seconds: a server may slow down as it fills. */
const RATE_WINDOW_MS = 10_000;
/** How often there is a line where nobody watches. */
const LINE_INTERVAL_MS = 10_000;

/** Where progress is shown: a terminal, or a file that somebody reads later. */
export type Output = Pick<NodeJS.WriteStream, "isTTY" | "write"> & NodeJS.WritableStream;

/** Shows how far a long work on rows has come: a bar on a terminal, else a line now and then. */
export class Progress {
  readonly #total: number;
  readonly #output: Output;
  readonly #bar: SingleBar | undefined;
  #marks: { readonly rows: number; readonly atMs: number }[];
  readonly #lineIntervalMs: number;
  #nextLineAtMs: number;

  constructor(total: number, rows: number, output: Output, lineIntervalMs = LINE_INTERVAL_MS) {
    this.#total = total;
    this.#output = output;
    this.#lineIntervalMs = lineIntervalMs;
    const nowMs = performance.now();
    this.#marks = [{ rows, atMs: nowMs }];
    this.#nextLineAtMs = nowMs + lineIntervalMs;
    if (!output.isTTY) return;
    this.#bar = new SingleBar({
      format: "{bar} {percentage} %  {text}",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 16,
      stream: output,
      clearOnComplete: true,
    });
    this.#bar.start(total, rows, { text: this.#text(rows) });
  }

  update(rows: number): void {
    const nowMs = performance.now();
    this.#marks = this.#marks.filter(
      ({ atMs }, index) => index === this.#marks.length - 1 || nowMs - atMs < RATE_WINDOW_MS,
    );
    this.#marks.push({ rows, atMs: nowMs });
    this.#bar?.update(rows, { text: this.#text(rows) });
    if (this.#bar || nowMs < this.#nextLineAtMs) return;
    this.#nextLineAtMs = nowMs + this.#lineIntervalMs;
    this.#output.write(`${this.#text(rows)}\n`);
  }

  /** Leaves nothing of the bar behind. */
  end(): void {
    this.#bar?.stop();
  }

  #text(rows: number): string {
    const of = `${count(rows)} of ${count(this.#total)} rows`;
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last || last.rows === first.rows) return of;
    const rate = rateOf(last.rows - first.rows, last.atMs - first.atMs);
    return `${of}  ${count(rate)} rows/s  ${duration((this.#total - rows) / rate)} left`;
  }
}

export function count(number: number): string {
  return Math.round(number).toLocaleString("en");
}

/** Rows per second. */
export function rateOf(rows: number, ms: number): number {
  return rows / Math.max(ms / 1000, 0.001);
}

/** As in "1h 5m", "5m 12s" or "12s". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const format = new Intl.DurationFormat("en", { style: "narrow", secondsDisplay: "always" });
  if (hours > 0) return format.format({ hours, minutes }).replace(/ 0s$/, "");
  return format.format({ minutes, seconds: whole % 60 });
}
