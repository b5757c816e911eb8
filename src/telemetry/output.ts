import { constants, fstatSync, openSync, writeSync } from "node:fs";

/** What may wait for a reader; more is dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Up to so many (PIPE_BUF), processes that share a pipe do not write into each other's lines. */
const MAX_WRITE_BYTES = 4096;
/** To the next try where the reader has not read, and where a write has failed. */
const FULL_MS = 10;
const FAILED_MS = 500;
/** From one count of dropped lines to the next. */
const TELL_MS = 1000;
/** How long the end of a process waits for its last lines. */
const MAX_END_MS = 1000;

/**
 * Writes lines to stdout or stderr. It never throws and never blocks: where a reader stands still,
 * a pipe is closed or a disk is full, lines wait, and beyond a limit they are dropped and counted.
 */
export class Output {
  readonly #descriptor: 1 | 2;
  readonly #onBack: (droppedLines: number) => void;
  readonly #lines: string[] = [];
  #waitingBytes = 0;
  #droppedLines = 0;
  #isTelling = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #opened: number | undefined;
  #flushing: Promise<void> | undefined;

  /** @param onBack hears how many lines were dropped, once lines can be written again */
  constructor(descriptor: 1 | 2, onBack: (droppedLines: number) => void) {
    this.#descriptor = descriptor;
    this.#onBack = onBack;
  }

  /** @param line with its end */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES && !this.#isTelling) {
      this.#droppedLines++;
      return;
    }
    this.#waitingBytes += bytes;
    this.#lines.push(line);
    this.#flushing ??= this.#flush();
  }

  /** Resolves once everything is written, or after a second. */
  async end(): Promise<void> {
    await Promise.race([this.#flushing, Bun.sleep(MAX_END_MS)]);
  }

  async #flush(): Promise<void> {
    // Gathers what one turn of the event loop writes.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#lines.length > 0) {
      await this.#writeWhole(Buffer.from(this.#take()));
      this.#tellDropped();
    }
    this.#flushing = undefined;
  }

  /** Once all is written, or once a second where a slow reader never lets that be. */
  #tellDropped(): void {
    const now = performance.now();
    if (this.#droppedLines === 0) return;
    if (this.#lines.length > 0 && now - this.#toldAtMs < TELL_MS) return;
    const droppedLines = this.#droppedLines;
    this.#droppedLines = 0;
    this.#toldAtMs = now;
    // The count itself must not be dropped.
    this.#isTelling = true;
    this.#onBack(droppedLines);
    this.#isTelling = false;
  }

  /** One line, and those behind it that fit into the same write. */
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

/** A descriptor of the same file whose writes do not wait for its reader. */
function nonBlocking(descriptor: number): number {
  const file = fstatSync(descriptor);
  if (file.isFile()) return descriptor; // Has no reader to wait for.
  try {
    // O_NONBLOCK counts for all who share an open file, the shell of a terminal for one: where it
    // can be opened anew, that is ours alone.
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch {
    // A socket, or a pipe of another user. Bun's sink sets O_NONBLOCK; it is not written to.
    Bun.file(descriptor).writer();
    return descriptor;
  }
}
