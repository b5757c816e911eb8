import { encodeFrame, maxBytesOf, type OutgoingFrame } from "./frame.ts";

/** The part of a Bun socket that an outbox needs. */
export interface Writable {
  /** Takes what fits: 0 when full, negative when closed. Never buffers. */
  write(data: Uint8Array): number;
}

const FIRST_CAPACITY = 16 * 1024;
const MAX_KEPT_CAPACITY = 256 * 1024;
/** So much is worth a write of its own: the peer has something to do while this side goes on. */
const WORTH_A_WRITE_BYTES = 4 * 1024;

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
