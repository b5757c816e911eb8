// A frame: u32 length of what follows, then
//   u8 type, u8 flags, u16 method, u32 id, [REQUEST: u32 remaining ms],
//   [flag METADATA: u16 length and that many bytes of JSON], body.
// All numbers are big-endian; metadata and body are UTF-8 JSON.

export const FrameType = {
  hello: 1,
  request: 2,
  response: 3,
  error: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  goaway: 8,
  proof: 9,
} as const;

export const Flag = {
  /** Metadata stands before the body. */
  metadata: 0x01,
  /** On ERROR: the handler may have done something. */
  processed: 0x02,
  /** A receiver that does not know the type skips the frame; without it, it closes. */
  optional: 0x80,
} as const;

export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 8;
export const TIMEOUT_BYTES = 4;
export const METADATA_LENGTH_BYTES = 2;

const FIRST_CAPACITY = 4096;
/** One large frame must not pin its size for the life of the connection. */
const MAX_KEPT_CAPACITY = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly method: number;
  readonly id: number;
  /** On REQUEST, the time that the caller still waits, in milliseconds; else 0. */
  readonly timeoutMs: number;
  /** JSON text, "" where there is none. */
  readonly metadata: string;
  /** JSON text. */
  readonly body: string;
}

/** What a peer sent cannot be a frame; the connection has lost its place and must close. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** What begins with these bytes instead of a length: a record of TLS, or a response of HTTP. */
function otherProtocol(bytes: number): string | undefined {
  const start = bytes >>> 16;
  if (start === 0x1603 || start === 0x1503) return "TLS";
  return bytes === 0x48545450 ? "HTTP" : undefined;
}

/** Cuts a stream of chunks into frames. Buffers at most one frame, and no more than has arrived. */
export class FrameReader {
  /** A longer length is refused. */
  maxFrameBytes: number;
  #partial: Buffer = NO_BYTES;
  #partialBytes = 0;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /**
   * Take a chunk and hand on every frame that it completes.
   * @throws {FrameError} a length beyond the limit or too short for its header
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let offset = this.#partialBytes > 0 ? this.#complete(chunk, onFrame) : 0;
    while (chunk.length - offset >= LENGTH_BYTES) {
      const end = offset + LENGTH_BYTES + this.#lengthAt(chunk, offset);
      if (end > chunk.length) break;
      onFrame(decodeFrame(chunk, offset + LENGTH_BYTES, end));
      offset = end;
    }
    if (offset < chunk.length) this.#keep(chunk, offset, chunk.length);
  }

  /** Finish the frame that earlier chunks began; returns how much of this chunk it took. */
  #complete(chunk: Buffer, onFrame: (frame: Frame) => void): number {
    let taken = 0;
    if (this.#partialBytes < LENGTH_BYTES) {
      taken = Math.min(LENGTH_BYTES - this.#partialBytes, chunk.length);
      this.#keep(chunk, 0, taken);
      if (this.#partialBytes < LENGTH_BYTES) return taken;
    }
    const frameBytes = LENGTH_BYTES + this.#lengthAt(this.#partial, 0);
    const upTo = Math.min(taken + frameBytes - this.#partialBytes, chunk.length);
    this.#keep(chunk, taken, upTo);
    if (this.#partialBytes === frameBytes) {
      const frame = decodeFrame(this.#partial, LENGTH_BYTES, frameBytes);
      this.#partialBytes = 0;
      if (this.#partial.length > MAX_KEPT_CAPACITY) this.#partial = NO_BYTES;
      onFrame(frame);
    }
    return upTo;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#partialBytes + end - start;
    if (needed > this.#partial.length) {
      // Doubled, not sized by the announced length: a peer must send bytes to make us hold bytes.
      const grown = Buffer.allocUnsafe(Math.max(FIRST_CAPACITY, 2 * this.#partial.length, needed));
      this.#partial.copy(grown, 0, 0, this.#partialBytes);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#partialBytes, start, end);
    this.#partialBytes = needed;
  }

  #lengthAt(buffer: Buffer, offset: number): number {
    const length = buffer.readUInt32BE(offset);
    if (length > this.maxFrameBytes) {
      const other = otherProtocol(length);
      throw new FrameError(
        other === undefined
          ? `Cannot read frame: ${length} bytes, limit ${this.maxFrameBytes}`
          : `Cannot read frame: the peer speaks ${other}, and this side does not`,
      );
    }
    if (length < HEADER_BYTES) {
      throw new FrameError(`Cannot read frame: ${length} bytes, shorter than its header`);
    }
    return length;
  }
}

function decodeFrame(buffer: Buffer, start: number, end: number): Frame {
  const type = buffer.readUInt8(start);
  const flags = buffer.readUInt8(start + 1);
  const method = buffer.readUInt16BE(start + 2);
  const id = buffer.readUInt32BE(start + 4);
  let at = start + HEADER_BYTES;
  let timeoutMs = 0;
  if (type === FrameType.request) {
    if (at + TIMEOUT_BYTES > end) throw new FrameError("Cannot read REQUEST: no remaining time");
    timeoutMs = buffer.readUInt32BE(at);
    at += TIMEOUT_BYTES;
  }
  let metadata = "";
  if (flags & Flag.metadata) {
    const textAt = at + METADATA_LENGTH_BYTES;
    const textEnd = textAt <= end ? textAt + buffer.readUInt16BE(at) : Infinity;
    if (textEnd > end) throw new FrameError("Cannot read frame: metadata longer than the frame");
    metadata = buffer.toString("utf8", textAt, textEnd);
    at = textEnd;
  }
  return { type, flags, method, id, timeoutMs, metadata, body: buffer.toString("utf8", at, end) };
}
