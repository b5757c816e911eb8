import { SingleBar } from "cli-progress";
import { count, duration, rateOf } from "./layout.ts";

/** The rate is measured over the last seconds, because a server may slow down as it fills. */
const RATE_WINDOW_MS = 10_000;
/** How often a line is printed if the output is not a terminal. */
const LINE_INTERVAL_MS = 10_000;

/** Where progress is shown: a terminal, or a file that is read later. */
export type Output = Pick<NodeJS.WriteStream, "isTTY" | "write"> & NodeJS.WritableStream;

/** Shows the progress of work on many rows: a bar on a terminal, otherwise a line now and then. */
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

  /** Removes the bar. */
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
