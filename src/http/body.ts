import { RpcError } from "../rpc/error.ts";
import { BODY_LIMITS, BodyClock, type BodyLimits } from "./body-clock.ts";
import { refuseEncoded } from "./content-type.ts";
import { type Fields, type FieldsParser, parserFor } from "./fields.ts";
import { Refusal } from "./reply.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const MAX_FIELDS_BYTES = 64 * 1024;
/** Up to here a body comes in a packet or two, and is not worth a stream. */
const SMALL_BYTES = 4096;

/** Reads the bodies of requests: each in its time, and all of them in one budget of memory. */
export class Bodies {
  readonly #clock: BodyClock;
  readonly #budgetBytes: number;
  #heldBytes = 0;

  constructor(limits: BodyLimits = BODY_LIMITS) {
    this.#clock = new BodyClock(limits);
    this.#budgetBytes = limits.budgetBytes;
  }

  /**
   * Read a JSON or form body.
   * @throws {Refusal} 415 another type, 413 over 64 KiB, 400 not what its type says or too slow
   */
  readFields(request: Request): Promise<Fields> {
    refuseEncoded(request);
    const parse = parserFor(request);
    const bytes = announcedBytes(request, MAX_FIELDS_BYTES);
    const isSmall = bytes !== undefined && bytes <= SMALL_BYTES;
    return isSmall ? this.#readSmall(request, parse) : this.#readLarge(request, parse);
  }

  /** Not async: that would make two objects more for every sign-in. */
  #readSmall(request: Request, parse: FieldsParser): Promise<Fields> {
    return new Promise((resolve, reject) => {
      const coming = this.#clock.watchSmall(reject);
      request.bytes().then(
        (bytes) => {
          this.#clock.end(coming);
          try {
            resolve(parse(bytes));
          } catch (error) {
            reject(error);
          }
        },
        () => {
          this.#clock.end(coming);
          reject(cutShort());
        },
      );
    });
  }

  async #readLarge(request: Request, parse: FieldsParser): Promise<Fields> {
    // One buffer: kept one by one, chunks of a byte would take a hundred times their size.
    const sink = new Bun.ArrayBufferSink();
    sink.start({ asUint8Array: true });
    using _held = await this.stream(request, MAX_FIELDS_BYTES, (chunk) => sink.write(chunk));
    return parse(new Uint8Array(sink.end()));
  }

  /**
   * Hand on the chunks of a body as they come. They count as held until the result is disposed of.
   * @throws {Refusal} 413 over `maxBytes`, 400 cut short or too slow, or what `take` throws
   * @throws {RpcError} resource_exhausted: the bodies of all requests hold too much
   */
  async stream(
    request: Request,
    maxBytes: number,
    take: (chunk: Bytes) => void,
  ): Promise<Disposable> {
    announcedBytes(request, maxBytes);
    let bytes = 0;
    const hold = (more: number) => {
      bytes += more;
      this.#heldBytes += more;
    };
    const held = { [Symbol.dispose]: () => hold(-bytes) };
    const reader = request.body?.getReader();
    if (!reader) return held;
    // A read that waits ends by it, and Bun skips the rest. Of a body that broke off it fails.
    const stop = () => void reader.cancel().catch(() => undefined);
    const coming = this.#clock.watch(() => bytes, stop);
    try {
      for (;;) {
        const { done, value } = await reader.read().catch(throwCutShort);
        if (coming.isLate) throw this.#clock.tooSlow();
        if (done) return held;
        hold(value.byteLength);
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        if (this.#heldBytes > this.#budgetBytes) throw noMemory();
        take(value);
      }
    } catch (error) {
      stop();
      held[Symbol.dispose]();
      throw error;
    } finally {
      this.#clock.end(coming);
    }
  }
}

/**
 * What Content-Length says; undefined if there is none, as in chunks.
 * @throws {Refusal} 413
 */
export function announcedBytes({ headers }: Request, maxBytes: number): number | undefined {
  const announced = headers.get("Content-Length");
  if (announced === null) return undefined;
  if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
  return Number(announced);
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, `body: at most ${maxBytes} bytes`);
}

function cutShort(): Refusal {
  return new Refusal(400, "body: as long as its headers say");
}

function throwCutShort(): never {
  throw cutShort();
}

function noMemory(): RpcError {
  const message = "Cannot hold the body: those of other requests take all the memory for bodies";
  return new RpcError("resource_exhausted", message, { processed: false });
}
