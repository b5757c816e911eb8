import { constants, fstatSync, openSync, writeSync } from "node:fs";

/** At most this much may wait for the reader. More is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** PIPE_BUF: writes up to this size are atomic, so processes that share a pipe keep lines whole. */
const MAX_WRITE_BYTES = 4096;
/** Pause before the next try, if the pipe is full and if a write failed. */
const FULL_MS = 10;
const FAILED_MS = 500;
/** The least time between two reports of dropped lines. */
const REPORT_MS = 1000;
/** At its end, a process waits this long for its last lines to be written. */
const MAX_END_MS = 1000;

/**
 * Writes lines to stdout or stderr. It never throws and never blocks. If the reader is slow, the
 * pipe is closed or the disk is full, lines wait; above a limit they are dropped and counted.
 */
export class Output {
  readonly #descriptor: 1 | 2;
  readonly #onDropped: (droppedLines: number) => void;
  readonly #lines: string[] = [];
  #waitingBytes = 0;
  /** Since the last report. */
  #droppedLines = 0;
  /** How many lines were ever dropped. */
  dropped = 0;
  #isReporting = false;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #opened: number | undefined;
  #flushing: Promise<void> | undefined;

  /** @param onDropped is called with the number of dropped lines when lines can be written again */
  constructor(descriptor: 1 | 2, onDropped: (droppedLines: number) => void) {
    this.#descriptor = descriptor;
    this.#onDropped = onDropped;
  }

  /** @param line ends with a line break */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES && !this.#isReporting) {
      this.#droppedLines++;
      this.dropped++;
      return;
    }
    this.#waitingBytes += bytes;
    this.#lines.push(line);
    this.#flushing ??= this.#flush();
  }

  /** Resolves when everything is written, or after a second. */
  async end(): Promise<void> {
    await Promise.race([this.#flushing, Bun.sleep(MAX_END_MS)]);
  }

  async #flush(): Promise<void> {
    // Gathers the lines of one turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#lines.length > 0) {
      await this.#writeWhole(Buffer.from(this.#take()));
      this.#reportDropped();
    }
    this.#flushing = undefined;
  }

  /**
   * Report dropped lines when all others are written. If the reader is slow, lines may always be
   * left: then report once a second.
   */
  #reportDropped(): void {
    const now = performance.now();
    if (this.#droppedLines === 0) return;
    if (this.#lines.length > 0 && now - this.#reportedAtMs < REPORT_MS) return;
    const droppedLines = this.#droppedLines;
    this.#droppedLines = 0;
    this.#reportedAtMs = now;
    // The line with the count must not be dropped.
    this.#isReporting = true;
    this.#onDropped(droppedLines);
    this.#isReporting = false;
  }

  /** One line, and the following lines that fit into the same write. */
  #take(): string {
    let count = 0;
    let bytes = 0;
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line);
      if (count > 0 && bytes > MAX_WRITE_BYTES) break;
      count++;
    }
    return this.#lines.splice(0, count).join("");
  }

  async #writeWhole(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      try {
        this.#opened ??= nonBlocking(this.#descriptor);
        const written = writeSync(this.#opened, bytes.subarray(offset));
        offset += written;
        this.#waitingBytes -= written;
      } catch (error) {
        const isFull = error instanceof Error && "code" in error && error.code === "EAGAIN";
        await Bun.sleep(isFull ? FULL_MS : FAILED_MS);
      }
    }
  }
}

/** A descriptor of the same file whose writes never block. */
function nonBlocking(descriptor: number): number {
  const file = fstatSync(descriptor);
  if (file.isFile()) return descriptor; // A file has no reader.
  try {
    // O_NONBLOCK applies to every process that shares the open file, such as the shell of a
    // terminal. If we open the file again, the flag is ours alone.
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch {
    // A socket, or a pipe of another user. Bun's writer sets O_NONBLOCK; we never write through
    // that writer.
    Bun.file(descriptor).writer();
    return descriptor;
  }
}
