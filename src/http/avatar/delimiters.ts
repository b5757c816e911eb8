import { Refusal } from "../reply.ts";

/** Check this here: a parser would go through a whole chunk, which can hold very many parts. */
const MAX_PARTS = 100;
/** The most blanks after a delimiter. Clients write a few at most. */
const MAX_PADDING_BYTES = 256;

const CRLF = Buffer.from("\r\n");
const CLOSE = Buffer.from("--");

/**
 * Makes a multipart body strict, so that no parser can misread it. It removes the blanks after a
 * delimiter, which RFC 2046 §5.1.1 allows and busboy does not know, and everything after the last
 * delimiter.
 */
export class Delimiters {
  readonly #delimiter: Buffer;
  readonly #emit: (bytes: Uint8Array) => void;
  #state: "content" | "delimiter" | "closed" = "content";
  /**
   * Bytes that may begin a delimiter. It starts as a line end, so that the first delimiter needs
   * none.
   */
  #rest: Buffer = CRLF;
  #parts = 0;

  constructor(boundary: string, emit: (bytes: Uint8Array) => void) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
    this.#emit = emit;
  }

  /**
   * @throws {Refusal} 400: a line begins like a delimiter but is not one, or there are too many
   * parts
   */
  write(chunk: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#state === "content" ? this.#findDelimiter() : this.#endDelimiter());
  }

  /** @throws {Refusal} 400: the body ended before its last delimiter */
  end(): void {
    if (this.#state !== "closed") throw new Refusal(400, "form: must end with its last delimiter");
  }

  /** @returns whether to continue with the rest */
  #findDelimiter(): boolean {
    const at = this.#rest.indexOf(this.#delimiter);
    if (at >= 0) {
      this.#take(at + this.#delimiter.length);
      this.#state = "delimiter";
      return true;
    }
    // Pass on all bytes except those that may begin a delimiter.
    const sure = this.#rest.length - this.#delimiter.length + 1;
    if (sure > 0) this.#take(sure);
    return false;
  }

  #endDelimiter(): boolean {
    const rest = this.#rest;
    if (rest.length < CLOSE.length) return false;
    if (rest.subarray(0, CLOSE.length).equals(CLOSE)) {
      this.#take(CLOSE.length);
      this.#state = "closed";
      return false;
    }
    const padding = rest.findIndex((byte) => byte !== 0x20 && byte !== 0x09);
    const lineEnd = rest.subarray(padding, padding + CRLF.length);
    const isUnknown = padding < 0 || lineEnd.length < CRLF.length;
    if (isUnknown && rest.length <= MAX_PADDING_BYTES) return false;
    if (!lineEnd.equals(CRLF)) throw new Refusal(400, "form: no line may begin like a delimiter");
    if (++this.#parts > MAX_PARTS) throw new Refusal(400, `form: at most ${MAX_PARTS} parts`);
    // Keep the line end: the next delimiter may begin with it.
    this.#rest = rest.subarray(padding);
    this.#state = "content";
    return true;
  }

  #take(bytes: number): void {
    this.#emit(this.#rest.subarray(0, bytes));
    this.#rest = this.#rest.subarray(bytes);
  }
}
