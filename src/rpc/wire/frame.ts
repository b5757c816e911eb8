import type { Address } from "../address.ts";

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
  /** Metadata comes before the body. */
  metadata: 0x01,
  /** In ERROR: the handler may have done something. */
  processed: 0x02,
  /** A receiver that does not know the type skips the frame. Without this flag, it closes. */
  optional: 0x80,
} as const;

const LENGTH_BYTES = 4;
const HEADER_BYTES = 8;
const TIMEOUT_BYTES = 4;
const METADATA_LENGTH_BYTES = 2;
const MAX_OVERHEAD_BYTES = LENGTH_BYTES + HEADER_BYTES + TIMEOUT_BYTES + METADATA_LENGTH_BYTES;
const MAX_METADATA_BYTES = 0xffff;
const MAX_UTF8_BYTES_PER_UNIT = 3;

const FIRST_CAPACITY = 4096;
/** A larger buffer is dropped after its frame: one large frame must not pin memory. */
const MAX_KEPT_CAPACITY = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly method: number;
  readonly id: number;
  /** In REQUEST, how long the caller still waits, in milliseconds; else 0. */
  readonly timeoutMs: number;
  /** JSON text, "" for none. */
  readonly metadata: string;
  /** JSON text, "" for none. */
  readonly body: string;
}

/** A frame to be sent. Numbers that are not given are 0, and metadata is "". */
export type OutgoingFrame = Partial<Frame> & Pick<Frame, "type" | "body">;

/**
 * Gets every frame of a client's connections, in plain text even with TLS: a sent frame when it
 * enters the outbox, a received one before it takes effect. It must not throw.
 */
export type FrameTap = (
  direction: "sent" | "received",
  frame: OutgoingFrame,
  peer: Address,
) => void;

/** The peer's bytes are not a frame. The connection cannot find the next one and must close. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** The most bytes that a frame can take whose metadata and body have so many UTF-16 units. */
export function maxBytesOf(units: number): number {
  return MAX_OVERHEAD_BYTES + units * MAX_UTF8_BYTES_PER_UNIT;
}

/** The bytes of a frame, its length field included. */
export function bytesOf({ type, metadata = "", body }: OutgoingFrame): number {
  const timeoutBytes = type === FrameType.request ? TIMEOUT_BYTES : 0;
  const metadataBytes = metadata ? METADATA_LENGTH_BYTES + Buffer.byteLength(metadata) : 0;
  return LENGTH_BYTES + HEADER_BYTES + timeoutBytes + metadataBytes + Buffer.byteLength(body);
}

/**
 * Write a frame into `buffer` from `start` on. The caller has made room: see `maxBytesOf()`.
 * @returns where the frame ends; 0 if it is over `maxFrameBytes`, or its metadata over 65,535 bytes
 */
export function encodeFrame(
  { type, flags = 0, method = 0, id = 0, timeoutMs = 0, metadata = "", body }: OutgoingFrame,
  maxFrameBytes: number,
  buffer: Buffer,
  start: number,
): number {
  let at = start + LENGTH_BYTES;
  buffer.writeUInt8(type, at);
  buffer.writeUInt8(metadata ? flags | Flag.metadata : flags, at + 1);
  buffer.writeUInt16BE(method, at + 2);
  buffer.writeUInt32BE(id, at + 4);
  at += HEADER_BYTES;
  if (type === FrameType.request) {
    buffer.writeUInt32BE(timeoutMs, at);
    at += TIMEOUT_BYTES;
  }
  if (metadata) {
    const bytes = buffer.write(metadata, at + METADATA_LENGTH_BYTES, "utf8");
    if (bytes > MAX_METADATA_BYTES) return 0;
    buffer.writeUInt16BE(bytes, at);
    at += METADATA_LENGTH_BYTES + bytes;
  }
  at += buffer.write(body, at, "utf8");
  const frameBytes = at - start - LENGTH_BYTES;
  if (frameBytes > maxFrameBytes) return 0;
  buffer.writeUInt32BE(frameBytes, start);
  return at;
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

/** The protocol of a peer whose first four bytes are this number: a TLS record or an HTTP reply. */
function otherProtocol(bytes: number): string | undefined {
  const start = bytes >>> 16;
  if (start === 0x1603 || start === 0x1503) return "TLS";
  return bytes === 0x48545450 ? "HTTP" : undefined;
}

/** Cuts a stream of chunks into frames. Buffers at most one frame, and only bytes that arrived. */
export class FrameReader {
  /** A longer frame is refused. */
  maxFrameBytes: number;
  #partial: Buffer = NO_BYTES;
  #partialBytes = 0;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /**
   * Take a chunk and pass on every frame that it completes.
   * @throws {FrameError} a length over the limit, or too short for its header
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

  /** Finish the frame that earlier chunks began. Returns how many bytes of this chunk it took. */
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
      // Not sized by the announced length: a peer that sends few bytes must not take much memory.
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
