import { encodeFrame, maxBytesOf, type OutgoingFrame } from "./frame.ts";

/** The part of a Bun socket that an outbox needs. */
export interface Writable {
  /** Takes what fits: 0 when full, negative when closed. Never buffers. */
  write(data: Uint8Array): number;
}

const FIRST_CAPACITY = 16 * 1024;
const MAX_KEPT_CAPACITY = 256 * 1024;
/** This many bytes are written at once, so that the peer can work while this side goes on. */
const WORTH_A_WRITE_BYTES = 4 * 1024;

/**
 * The outgoing bytes of one connection. Frames are encoded into one buffer. The frames of one turn
 * of the event loop leave in one write, or in a few if they are many: each write is a syscall, and
 * fewer writes gave 2 to 7 times the throughput. Flushed from setImmediate, since Bun drains the
 * microtasks after the callback of every single request.
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
  /** How many of the bytes ever pushed the kernel has taken. */
  #takenBytes = 0;
  /** The socket is full: nothing is written before `drain`. */
  isBlocked = false;
  #afterFlush: (() => void) | undefined;

  /**
   * `onOverflow` is called if more than `maxBytes` wait: the peer does not read. `onPush` is called
   * for each frame that is queued.
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
   * Encode a frame. It leaves at the end of this turn of the event loop, or with enough others.
   * @returns false, with nothing queued, if the frame is over `maxFrameBytes`
   */
  push(frame: OutgoingFrame, maxFrameBytes = Infinity): boolean {
    const units = (frame.metadata?.length ?? 0) + frame.body.length;
    // A UTF-16 unit becomes one to three bytes: a frame that cannot fit is not even encoded.
    if (units > maxFrameBytes) return false;
    this.#reserve(maxBytesOf(units));
    const end = encodeFrame(frame, maxFrameBytes, this.#buffer, this.#end);
    if (end === 0) return false;
    this.#end = end;
    this.#onPush?.(frame);
    if (end - this.#start > this.#flushAtBytes) this.#flush();
    else this.#schedule();
    return true;
  }

  /** How many bytes were ever pushed, which is where the latest frame ends. */
  get endsAtByte(): number {
    return this.#takenBytes + this.#end - this.#start;
  }

  /** How many bytes the kernel has ever taken. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** More than half of the allowed bytes wait. */
  get isCongested(): boolean {
    return this.#end - this.#start > this.#maxBytes / 2;
  }

  /** Go on: the socket takes data again. */
  drain(): void {
    this.isBlocked = false;
    this.#flush();
  }

  /** Call back once the kernel has taken everything. */
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
    // Drop a buffer that one large answer needed: it must not pin memory.
    if (this.#buffer.length > MAX_KEPT_CAPACITY && bytes * 8 < this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
    }
  }

  /** Make room after the waiting bytes: move them to the front, or into a larger buffer. */
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
