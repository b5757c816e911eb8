import { RpcError } from "../rpc/error.ts";
import { BODY_LIMITS, BodyClock, type BodyLimits } from "./body-clock.ts";
import { refuseEncoded } from "./content-type.ts";
import { type Fields, type FieldsParser, parserFor } from "./fields.ts";
import { Refusal } from "./reply.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const MAX_FIELDS_BYTES = 64 * 1024;
/** Up to this size, a body arrives in a packet or two, and a stream would not pay off. */
const SMALL_BYTES = 4096;

/** Reads request bodies, each within its time limit and all within one memory budget. */
export class Bodies {
  readonly #clock: BodyClock;
  readonly #budgetBytes: number;
  #heldBytes = 0;

  constructor(limits: BodyLimits = BODY_LIMITS) {
    this.#clock = new BodyClock(limits);
    this.#budgetBytes = limits.budgetBytes;
  }

  /** Of large bodies, which count towards the budget. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Read a JSON or form body.
   * @throws {Refusal} 415 another type, 413 over 64 KiB, 400 malformed or too slow
   */
  readFields(request: Request): Promise<Fields> {
    refuseEncoded(request);
    const parse = parserFor(request);
    const bytes = announcedBytes(request, MAX_FIELDS_BYTES);
    const isSmall = bytes !== undefined && bytes <= SMALL_BYTES;
    return isSmall ? this.#readSmall(request, parse) : this.#readLarge(request, parse);
  }

  /** This function is not async, which would allocate two more objects for each sign-in. */
  #readSmall(request: Request, parse: FieldsParser): Promise<Fields> {
    return new Promise((resolve, reject) => {
      const pending = this.#clock.watchSmall(reject);
      request.bytes().then(
        (bytes) => {
          this.#clock.end(pending);
          try {
            resolve(parse(bytes));
          } catch (error) {
            reject(error);
          }
        },
        () => {
          this.#clock.end(pending);
          reject(cutShort());
        },
      );
    });
  }

  async #readLarge(request: Request, parse: FieldsParser): Promise<Fields> {
    // One buffer: chunks of one byte, kept in a list, would take a hundred times their size.
    const sink = new Bun.ArrayBufferSink();
    sink.start({ asUint8Array: true });
    using _held = await this.stream(request, MAX_FIELDS_BYTES, (chunk) => sink.write(chunk));
    return parse(new Uint8Array(sink.end()));
  }

  /**
   * Pass on the chunks of a body as they come. They count towards the memory budget until the
   * result is disposed of.
   * @throws {Refusal} 413 over `maxBytes`, 400 cut short or too slow, or what `take` throws
   * @throws {RpcError} resource_exhausted: the bodies of all requests exceed the budget
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
    // cancel() ends a pending read, and makes Bun skip the rest. On a broken body, it rejects.
    const stop = () => void reader.cancel().catch(() => undefined);
    const pending = this.#clock.watch(() => bytes, stop);
    try {
      for (;;) {
        const { done, value } = await reader.read().catch(throwCutShort);
        if (pending.isLate) throw this.#clock.tooSlow();
        if (done) return held;
        hold(value.byteLength);
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        if (this.#heldBytes > this.#budgetBytes) throw overBudget();
        take(value);
      }
    } catch (error) {
      stop();
      held[Symbol.dispose]();
      throw error;
    } finally {
      this.#clock.end(pending);
    }
  }
}

/**
 * The Content-Length of a request; undefined if it has none, as with chunks.
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

function overBudget(): RpcError {
  const message = "Cannot read the body: other requests use all memory for bodies";
  return new RpcError("resource_exhausted", message, { processed: false });
}
