import { MAX_AVIF_PIXELS, MAX_PIXELS } from "../../../schema/picture.ts";
import { RpcError } from "../../rpc/error.ts";
import { Refusal } from "../reply.ts";
import { Decoder } from "./decoder.ts";
import { MAX_SCANS, type PictureFault } from "./picture-file.ts";

export interface PictureLimits {
  /** Processes that decode at once. */
  readonly processes: number;
  /** Files that wait for one; more are refused. */
  readonly waiting: number;
  /** How long a file waits at most. */
  readonly waitMs: number;
  /** How long a picture is decoded at most; the largest that are taken need 3 s on an idle core. */
  readonly decodeMs: number;
  /** After how long without work a process ends. */
  readonly idleMs: number;
}

const LIMITS: PictureLimits = {
  processes: 1,
  waiting: 32,
  waitMs: 8_000,
  decodeMs: 15_000,
  idleMs: 60_000,
};

/** The rule that a file breaks, as the client is told. */
const DETAILS: Readonly<Record<PictureFault | "time", string>> = {
  broken: "damaged, cut short or too costly to decode",
  format: "must be a JPEG, PNG, WebP, GIF or AVIF",
  heic: "HEIC cannot be read here; save it as JPEG (iPhone: Settings, Camera, Most Compatible)",
  pixels: `at most ${MAX_PIXELS / 1e6} megapixels, an AVIF ${MAX_AVIF_PIXELS / 1e6}`,
  scans: `a progressive JPEG of at most ${MAX_SCANS} scans`,
  time: "takes too long to decode; save it as a plain JPEG",
};

/**
 * Makes the pictures that are shown from the files that were uploaded, in processes of their own:
 * only there a decoder can be held to a time and to an amount of memory, and only so it does not
 * hold the threads of the tier. They start when they are needed.
 */
export class Pictures {
  readonly #command: readonly string[];
  readonly #limits: PictureLimits;
  readonly #decoders = new Set<Decoder>();
  readonly #idle = new Map<Decoder, Timer>();
  /** What begins those that wait, first come first served. */
  readonly #waiting = new Set<() => void>();
  #decoding = 0;

  /** @param command what runs `src/picture-main.ts` */
  constructor(command: readonly string[], limits: Partial<PictureLimits> = {}) {
    this.#command = command;
    this.#limits = { ...LIMITS, ...limits };
  }

  /**
   * Decode a picture and encode it afresh, as `decode.ts` says.
   * @param signal aborted when the answer is not awaited any more: a file that waits is dropped
   * @throws {Refusal} 400: not a picture that is taken, or too large, or too costly to decode
   * @throws {RpcError} resource_exhausted: too many wait; unavailable: a process died; cancelled
   */
  async make(file: Uint8Array, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    await this.#turn(signal);
    try {
      const decoder = this.#take();
      const decoded = await decoder.decode(file, this.#limits.decodeMs);
      this.#keep(decoder);
      if ("picture" in decoded) return decoded.picture;
      throw refusal(decoded.fault);
    } finally {
      this.#decoding--;
      this.#beginNext();
    }
  }

  /** End all processes at once. */
  close(): void {
    for (const decoder of this.#decoders) decoder.kill();
  }

  /** Resolves once a process may be taken. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { processes, waiting, waitMs } = this.#limits;
    if (signal.aborted) throw cancelled();
    if (this.#decoding < processes) {
      this.#decoding++;
      return;
    }
    if (this.#waiting.size >= waiting) throw overloaded(`${waiting} others wait`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (error: RpcError) => {
      if (this.#waiting.delete(resolve)) reject(error);
    };
    const onAbort = () => leave(cancelled());
    const timer = setTimeout(() => leave(overloaded(`it has waited ${waitMs} ms`)), waitMs);
    signal.addEventListener("abort", onAbort);
    this.#waiting.add(resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #beginNext(): void {
    const [begin] = this.#waiting;
    if (!begin) return;
    this.#waiting.delete(begin);
    this.#decoding++;
    begin();
  }

  /** The process that was used last, so that those that are not needed end. */
  #take(): Decoder {
    const decoder = [...this.#idle.keys()].at(-1);
    if (decoder) {
      clearTimeout(this.#idle.get(decoder));
      this.#idle.delete(decoder);
      return decoder;
    }
    const started = new Decoder(this.#command);
    this.#decoders.add(started);
    void started.ended.then(() => {
      clearTimeout(this.#idle.get(started));
      this.#idle.delete(started);
      this.#decoders.delete(started);
    });
    return started;
  }

  #keep(decoder: Decoder): void {
    if (!decoder.isUsable) return;
    const onIdle = () => {
      this.#idle.delete(decoder);
      decoder.kill();
    };
    const timer = setTimeout(onIdle, this.#limits.idleMs);
    this.#idle.set(decoder, timer.unref());
  }
}

function refusal(fault: string): Refusal {
  const detail = Object.entries(DETAILS).find(([name]) => name === fault)?.[1] ?? DETAILS.broken;
  return new Refusal(400, `profilePic: ${detail}`);
}

function overloaded(why: string): RpcError {
  return new RpcError("resource_exhausted", `Cannot decode picture: ${why}`, { processed: false });
}

function cancelled(): RpcError {
  const message = "Cannot decode picture: the browser is gone";
  return new RpcError("cancelled", message, { processed: false });
}
