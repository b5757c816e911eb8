import { MAX_AVIF_PIXELS, MAX_PIXELS } from "../../../schema/picture.ts";
import { Durations } from "../../rpc/durations.ts";
import { RpcError } from "../../rpc/error.ts";
import { Refusal } from "../reply.ts";
import { DecoderProcess } from "./decoder-process.ts";
import { MAX_SCANS, type PictureFault } from "./picture-file.ts";

export interface DecoderPoolLimits {
  /** Processes that decode at the same time. */
  readonly processes: number;
  /** Files that may wait for a process; more are refused. */
  readonly waiting: number;
  /** How long a file may wait. */
  readonly waitMs: number;
  /** How long decoding may take. The largest pictures need 3 s on an idle core. */
  readonly decodeMs: number;
  /** A process ends after this time without work. */
  readonly idleMs: number;
}

const LIMITS: DecoderPoolLimits = {
  processes: 1,
  waiting: 32,
  waitMs: 8_000,
  decodeMs: 15_000,
  idleMs: 60_000,
};

/** What a pool has at the moment, and what it has counted. */
export interface DecoderCounts {
  /**
   * Files by what has become of them. Refused ones are no pictures that can be read; overloaded and
   * cancelled ones found no free process in time.
   */
  readonly ended: Readonly<
    Record<"decoded" | "refused" | "failed" | "overloaded" | "cancelled", number>
  >;
  readonly inFlight: number;
  readonly waiting: number;
  /** Including idle ones. */
  readonly processes: number;
  /** Of decoded, refused and failed files. */
  readonly durations: Durations;
  /** Of the same files. */
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** The rule that a file breaks, for `X-Error-Detail`. */
const DETAILS: Readonly<Record<PictureFault | "time", string>> = {
  broken: "damaged, cut short or too costly to decode",
  format: "must be a JPEG, PNG, WebP, GIF or AVIF",
  heic: "HEIC cannot be read here; save it as JPEG (iPhone: Settings, Camera, Most Compatible)",
  pixels: `at most ${MAX_PIXELS / 1e6} megapixels, an AVIF ${MAX_AVIF_PIXELS / 1e6}`,
  scans: `a progressive JPEG of at most ${MAX_SCANS} scans`,
  time: "takes too long to decode; save it as a plain JPEG",
};

/**
 * Decodes uploaded files in separate processes. Only a process can be limited in time and memory,
 * and decoding in the HTTP tier would occupy its threads. Processes start on demand.
 */
export class DecoderPool {
  readonly #command: readonly string[];
  readonly #limits: DecoderPoolLimits;
  readonly #processes = new Set<DecoderProcess>();
  /**
   * The idle processes, each with the timer that ends it. The one that was used last is at the end.
   */
  readonly #idle = new Map<DecoderProcess, Timer>();
  /** Callbacks of the files that wait, first come first served. */
  readonly #waiting = new Set<() => void>();
  #decoding = 0;
  readonly #ended = { decoded: 0, refused: 0, failed: 0, overloaded: 0, cancelled: 0 };
  readonly #durations = new Durations();
  #inputBytes = 0;
  #outputBytes = 0;

  /** @param command runs `src/picture-main.ts` */
  constructor(command: readonly string[], limits: Partial<DecoderPoolLimits> = {}) {
    this.#command = command;
    this.#limits = { ...LIMITS, ...limits };
  }

  get counts(): DecoderCounts {
    return {
      ended: this.#ended,
      inFlight: this.#decoding,
      waiting: this.#waiting.size,
      processes: this.#processes.size,
      durations: this.#durations,
      inputBytes: this.#inputBytes,
      outputBytes: this.#outputBytes,
    };
  }

  /**
   * Decode a picture and encode it again, as `decodePicture()` does.
   * @param signal drops the file if it is aborted while the file waits
   * @throws {Refusal} 400: not a picture of a known format, too large, or too costly to decode
   * @throws {RpcError} resource_exhausted: too many files wait; unavailable: a process died;
   * cancelled
   */
  async decode(file: Uint8Array, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    await this.#waitForTurn(signal);
    const begunAt = performance.now();
    let outcome: keyof DecoderCounts["ended"] = "failed";
    try {
      const process = this.#takeProcess();
      this.#inputBytes += file.byteLength;
      const decoded = await process.decode(file, this.#limits.decodeMs);
      this.#keepIdle(process);
      outcome = "picture" in decoded ? "decoded" : "refused";
      if (!("picture" in decoded)) throw refusal(decoded.fault);
      this.#outputBytes += decoded.picture.byteLength;
      return decoded.picture;
    } finally {
      this.#ended[outcome]++;
      this.#durations.add(performance.now() - begunAt);
      this.#decoding--;
      this.#beginNext();
    }
  }

  /** Kill all processes at once. */
  close(): void {
    for (const process of this.#processes) process.kill();
  }

  /** Resolves when the file may take a process. */
  async #waitForTurn(signal: AbortSignal): Promise<void> {
    const { processes, waiting, waitMs } = this.#limits;
    if (signal.aborted) throw this.#cancelled();
    if (this.#decoding < processes) {
      this.#decoding++;
      return;
    }
    if (this.#waiting.size >= waiting) throw this.#overloaded(`${waiting} others wait`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (error: () => RpcError) => {
      if (this.#waiting.delete(resolve)) reject(error());
    };
    const onAbort = () => giveUp(() => this.#cancelled());
    const onLate = () => giveUp(() => this.#overloaded(`it has waited ${waitMs} ms`));
    const timer = setTimeout(onLate, waitMs);
    signal.addEventListener("abort", onAbort);
    this.#waiting.add(resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #overloaded(why: string): RpcError {
    this.#ended.overloaded++;
    const message = `Cannot decode picture: ${why}`;
    return new RpcError("resource_exhausted", message, { processed: false });
  }

  #cancelled(): RpcError {
    this.#ended.cancelled++;
    const message = "Cannot decode picture: the browser closed the connection";
    return new RpcError("cancelled", message, { processed: false });
  }

  #beginNext(): void {
    const [begin] = this.#waiting;
    if (!begin) return;
    this.#waiting.delete(begin);
    this.#decoding++;
    begin();
  }

  /** The idle process that was used last, so that the others can end. */
  #takeProcess(): DecoderProcess {
    const idle = [...this.#idle.keys()].at(-1);
    if (idle) {
      clearTimeout(this.#idle.get(idle));
      this.#idle.delete(idle);
      return idle;
    }
    const started = new DecoderProcess(this.#command);
    this.#processes.add(started);
    void started.ended.then(() => {
      clearTimeout(this.#idle.get(started));
      this.#idle.delete(started);
      this.#processes.delete(started);
    });
    return started;
  }

  #keepIdle(process: DecoderProcess): void {
    if (!process.isUsable) return;
    const onIdle = () => {
      this.#idle.delete(process);
      process.kill();
    };
    const timer = setTimeout(onIdle, this.#limits.idleMs);
    this.#idle.set(process, timer.unref());
  }
}

function refusal(fault: string): Refusal {
  const detail = Object.entries(DETAILS).find(([name]) => name === fault)?.[1] ?? DETAILS.broken;
  return new Refusal(400, `profilePic: ${detail}`);
}
