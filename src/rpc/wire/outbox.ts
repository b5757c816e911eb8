import {
  Flag,
  FrameType,
  HEADER_BYTES,
  LENGTH_BYTES,
  METADATA_LENGTH_BYTES,
  TIMEOUT_BYTES,
} from "./frame.ts";

/** The part of a Bun socket that an outbox needs. */
export interface Writable {
  /** Takes what fits: 0 when full, negative when closed. Never buffers. */
  write(data: Uint8Array): number;
}

export interface OutgoingFrame {
  readonly type: number;
  readonly flags?: number;
  readonly method?: number;
  readonly id?: number;
  /** REQUEST only, in milliseconds. */
  readonly timeoutMs?: number;
  /** JSON text; "" or absent for none. */
  readonly metadata?: string;
  /** JSON text. */
  readonly body: string;
}

const FIRST_CAPACITY = 16 * 1024;
const MAX_KEPT_CAPACITY = 256 * 1024;
/** So much is worth a write of its own: the peer has something to do while this side goes on. */
const WORTH_A_WRITE_BYTES = 4 * 1024;
const MAX_UTF8_BYTES_PER_UNIT = 3;
const MAX_METADATA_BYTES = 0xffff;
const MAX_OVERHEAD_BYTES = LENGTH_BYTES + HEADER_BYTES + TIMEOUT_BYTES + METADATA_LENGTH_BYTES;

/**
 * The bytes that wait to leave on one connection. Frames are encoded straight into one buffer, and
 * what one turn of the event loop produced leaves in one write, or in a few where it is much: each
 * write is a syscall, and this is worth 2 to 7 times the throughput. Flushed from setImmediate,
 * because Bun drains microtasks after every single request's callback.
 */
export class Outbox {
  readonly #socket: Writable;
  readonly #maxBytes: number;
  readonly #flushAtBytes: number;
  readonly #onOverflow: () => void;
  readonly #onPush: ((frame: OutgoingFrame) => void) | undefined;
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #start = 0;
  #end = 0;
  #scheduled = false;
  /** Of all bytes ever pushed, how many the kernel took. */
  #takenBytes = 0;
  /** The kernel took less than it was given: nothing is written before `drain`. */
  isBlocked = false;
  #afterFlush: (() => void) | undefined;

  /**
   * `onOverflow` is called where more than `maxBytes` wait: the peer does not read. `onPush` hears
   * each frame that was queued.
   */
  constructor(
    socket: Writable,
    maxBytes: number,
    onOverflow: () => void,
    onPush?: (frame: OutgoingFrame) => void,
  ) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    this.#flushAtBytes = Math.min(maxBytes, WORTH_A_WRITE_BYTES);
    this.#onOverflow = onOverflow;
    this.#onPush = onPush;
  }

  /**
   * Encode a frame; it leaves at the end of this turn of the event loop, or with what makes a
   * write worth its while.
   * @returns false, with nothing queued, where the frame is over `maxFrameBytes`
   */
  push(frame: OutgoingFrame, maxFrameBytes = Infinity): boolean {
    const { type, flags = 0, method = 0, id = 0, timeoutMs = 0, metadata = "", body } = frame;
    // A UTF-16 unit becomes one to three bytes: what cannot fit is not even encoded.
    const units = metadata.length + body.length;
    if (units > maxFrameBytes) return false;
    this.#reserve(MAX_OVERHEAD_BYTES + units * MAX_UTF8_BYTES_PER_UNIT);
    const buffer = this.#buffer;
    let at = this.#end + LENGTH_BYTES;
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
      if (bytes > MAX_METADATA_BYTES) return false;
      buffer.writeUInt16BE(bytes, at);
      at += METADATA_LENGTH_BYTES + bytes;
    }
    at += buffer.write(body, at, "utf8");
    const frameBytes = at - this.#end - LENGTH_BYTES;
    if (frameBytes > maxFrameBytes) return false;
    buffer.writeUInt32BE(frameBytes, this.#end);
    this.#end = at;
    this.#onPush?.(frame);
    if (at - this.#start > this.#flushAtBytes) this.#flush();
    else this.#schedule();
    return true;
  }

  /** Bytes ever pushed: where the latest frame ends. */
  get endsAtByte(): number {
    return this.#takenBytes + this.#end - this.#start;
  }

  /** Bytes ever given to the kernel. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** More than half of what may wait does. */
  get isCongested(): boolean {
    return this.#end - this.#start > this.#maxBytes / 2;
  }

  /** The socket takes data again. */
  drain(): void {
    this.isBlocked = false;
    this.#flush();
  }

  /** Call back once everything queued has been given to the kernel. */
  whenEmpty(callback: () => void): void {
    this.#afterFlush = callback;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.isBlocked) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (!this.isBlocked) this.#write();
    if (this.#end - this.#start > this.#maxBytes) return this.#onOverflow();
    if (this.isBlocked) return;
    const callback = this.#afterFlush;
    this.#afterFlush = undefined;
    callback?.();
  };

  #write(): void {
    const bytes = this.#end - this.#start;
    if (bytes === 0) return;
    const written = this.#socket.write(this.#buffer.subarray(this.#start, this.#end));
    this.#takenBytes += Math.max(0, written);
    if (written < bytes) {
      this.#start += Math.max(0, written);
      this.isBlocked = true;
      return;
    }
    this.#start = 0;
    this.#end = 0;
    // One large answer must not pin its size for the life of the connection.
    if (this.#buffer.length > MAX_KEPT_CAPACITY && bytes * 8 < this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
    }
  }

  /** Make room behind what waits: move it to the front, or into a larger buffer. */
  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const waiting = this.#end - this.#start;
    const needed = waiting + bytes;
    const target =
      needed <= this.#buffer.length / 2
        ? this.#buffer
        : Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, needed));
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#buffer = target;
    this.#start = 0;
    this.#end = waiting;
  }
}
