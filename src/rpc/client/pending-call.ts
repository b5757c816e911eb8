import { type Deadlines, Expiring } from "../deadlines.ts";
import { RpcError } from "../error.ts";
import type { InterceptedCall } from "../interceptor.ts";
import type { Phases } from "../phases.ts";
import { decodeError } from "../wire/answer.ts";
import { type Frame, FrameType } from "../wire/frame.ts";
import type { OutgoingFrame } from "../wire/outbox.ts";
import type { Pool } from "./pool.ts";

const MAX_UINT32 = 0xffffffff;

/** Where a pending call is: in the pool's queue or in flight on a connection. */
export interface CallHolder {
  /** Whether its request is still in a queue of this process. */
  isQueued(call: PendingCall): boolean;
  /** The call ended by itself: forget it, and give back what it holds. */
  drop(call: PendingCall): void;
}

/** Hears how an attempt ended, once. */
export interface PendingCallOwner {
  /** It has not ended by `slowAt`, which is before its deadline. */
  onSlow(): void;
  /** A reply came; whether it is of the method's schema is still to be checked. */
  onReply(reply: unknown): void;
  onError(error: Error, attempt: PendingCall): void;
}

/** What a caller asks for; the same for every attempt at it. */
export interface CallRequest extends InterceptedCall {
  /** JSON text. */
  readonly body: string;
  /** JSON text, "" for none. */
  readonly metadataText: string;
  readonly phases: Phases;
  readonly slowAt: number;
}

/**
 * One attempt at a call. It is in exactly one queue at a time, which is its state; it ends exactly
 * once, whoever comes first: reply, error, deadline, loss of the connection, or its owner drops it.
 */
export class PendingCall extends Expiring {
  readonly request: CallRequest & PendingCallOwner;
  deadline: number;
  /** Where it is tried. */
  readonly pool: Pool;
  holder: CallHolder | undefined;
  /** On its connection; 0 before it is sent. */
  id = 0;
  /** The server has said something to it. */
  isAnswered = false;
  /** Where its request ends in the bytes of its connection. */
  endsAtByte = 0;
  readonly #deadlines: Deadlines;

  constructor(request: CallRequest & PendingCallOwner, deadlines: Deadlines, pool: Pool) {
    super();
    this.request = request;
    this.deadline = request.slowAt;
    this.pool = pool;
    this.#deadlines = deadlines;
    deadlines.add(this);
  }

  /** A RESPONSE or an ERROR came for it. */
  answer(frame: Frame): void {
    const { method } = this.request;
    this.isAnswered = true;
    if (frame.type === FrameType.error) {
      const error = decodeError(method, frame);
      // Where the server is first to notice, it knows only its own part of the time.
      if (error instanceof RpcError && error.status === "deadline_exceeded") {
        return this.exceed(`; the server says: ${error.message}`);
      }
      return this.fail(error);
    }
    let reply: unknown;
    try {
      reply = JSON.parse(frame.body);
    } catch (cause) {
      const message = `Cannot accept the reply of ${method.name}: not JSON`;
      return this.fail(new RpcError("internal", message, { cause }));
    }
    this.#deadlines.delete(this);
    this.request.onReply(reply);
  }

  fail(error: Error): void {
    this.#deadlines.delete(this);
    this.request.onError(error, this);
  }

  /** It cannot be sent. */
  refuse(status: "unimplemented" | "invalid_argument", why: string): void {
    const message = `Cannot call ${this.request.method.name}: ${why}`;
    this.fail(new RpcError(status, message, { processed: false }));
  }

  /** The REQUEST of this attempt. */
  frame(remainingMs: number): OutgoingFrame {
    const { method, body, metadataText: metadata } = this.request;
    const { request: type } = FrameType;
    const timeoutMs = Math.min(remainingMs, MAX_UINT32);
    return { type, method: method.number, id: this.id, timeoutMs, metadata, body };
  }

  expire(): void {
    if (this.deadline >= this.request.deadline) return this.exceed();
    this.deadline = this.request.deadline;
    this.#deadlines.add(this);
    this.request.onSlow();
  }

  /** Its deadline has passed, by the clock of either side. */
  exceed(detail = ""): void {
    const { method, phases } = this.request;
    const spent = phases.describe(performance.now(), this.holder?.isQueued(this) ?? false);
    const why = `its deadline passed (${spent})${detail}`;
    this.drop();
    const message = `Cannot finish ${method.name}: ${why}`;
    this.request.onError(
      new RpcError("deadline_exceeded", message, { processed: this.id !== 0 }),
      this,
    );
  }

  /** Nobody waits for it any longer: the server is told, or never hears of it. */
  drop(): void {
    this.#deadlines.delete(this);
    this.holder?.drop(this);
  }
}
