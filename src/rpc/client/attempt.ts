import { type Deadlines, Expiring } from "../deadlines.ts";
import { RpcError } from "../error.ts";
import type { InterceptedCall } from "../interceptor.ts";
import type { Phases } from "../phases.ts";
import { decodeError } from "../wire/bodies.ts";
import { type Frame, FrameType, type OutgoingFrame } from "../wire/frame.ts";
import type { Outbox } from "../wire/outbox.ts";

const MAX_UINT32 = 0xffffffff;

/** Where an attempt is: a pool, while it waits for a connection, and then that connection. */
export interface AttemptHolder {
  /** The attempt has ended by itself: forget it, and free its slot. */
  drop(attempt: Attempt): void;
}

/** The call that an attempt is made for. Exactly one of `onReply` and `onError` is called, once. */
export interface AttemptedCall extends InterceptedCall {
  /** JSON text. */
  readonly body: string;
  /** JSON text; "" for none. */
  readonly metadataText: string;
  readonly phases: Phases;
  /** When to call `onSlow`. At the deadline or later, it is not called. */
  readonly slowAt: number;
  onSlow(): void;
  /** The reply is JSON, but not yet checked against the method's schema. */
  onReply(reply: unknown): void;
  onError(error: Error, attempt: Attempt): void;
}

/**
 * One attempt at a call. It ends exactly once: with a reply, an error, its deadline, the loss of
 * its connection, or because the call drops it.
 */
export class Attempt extends Expiring {
  readonly call: AttemptedCall;
  deadline: number;
  holder: AttemptHolder | undefined;
  /** On its connection; 0 before it is sent. */
  id = 0;
  /** Where its request was queued, and at which byte of that connection it ends. */
  outbox: Outbox | undefined;
  endsAtByte = 0;
  /** A RESPONSE or an ERROR has come for it. */
  isAnswered = false;
  /** The server has sent GOAWAY, and does not begin it. */
  isTurnedAway = false;
  readonly #deadlines: Deadlines;

  constructor(call: AttemptedCall, deadlines: Deadlines) {
    super();
    this.call = call;
    this.deadline = call.slowAt;
    this.#deadlines = deadlines;
    deadlines.add(this);
  }

  get isSent(): boolean {
    return this.id !== 0;
  }

  /** Whether a part of its request still waits in this process: the server cannot have begun. */
  get isQueued(): boolean {
    return this.outbox !== undefined && this.endsAtByte > this.outbox.takenBytes;
  }

  /** A RESPONSE or an ERROR came for it. */
  answer(frame: Frame): void {
    const { method } = this.call;
    this.isAnswered = true;
    if (frame.type === FrameType.error) {
      const error = decodeError(method, frame);
      // The server knows only its own part of the time: this side describes all of it.
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
    this.call.onReply(reply);
  }

  fail(error: Error): void {
    this.#deadlines.delete(this);
    this.call.onError(error, this);
  }

  /** It cannot be sent. */
  refuse(status: "unimplemented" | "invalid_argument", why: string): void {
    const message = `Cannot call ${this.call.method.name}: ${why}`;
    this.fail(new RpcError(status, message, { processed: false }));
  }

  /** The REQUEST of this attempt. */
  frame(remainingMs: number): OutgoingFrame {
    const { method, body, metadataText: metadata } = this.call;
    const { request: type } = FrameType;
    const timeoutMs = Math.min(remainingMs, MAX_UINT32);
    return { type, method: method.number, id: this.id, timeoutMs, metadata, body };
  }

  expire(): void {
    if (this.deadline >= this.call.deadline) return this.exceed();
    this.deadline = this.call.deadline;
    this.#deadlines.add(this);
    this.call.onSlow();
  }

  /** Its deadline has passed, by the clock of either side. */
  exceed(detail = ""): void {
    const { method, phases, server } = this.call;
    const spent = phases.describe(performance.now(), this.isQueued);
    this.drop();
    // One server of several may hang, so the message names it.
    const where = server ? ` at ${server.host}:${server.port}` : "";
    const message = `Cannot finish ${method.name}${where}: its deadline passed (${spent})${detail}`;
    const processed = this.isSent;
    this.call.onError(new RpcError("deadline_exceeded", message, { processed }), this);
  }

  /** The call wants no answer any more: tell the server, or do not send the request. */
  drop(): void {
    this.#deadlines.delete(this);
    this.holder?.drop(this);
  }
}
