import { decodeError } from "./answer.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { RpcError } from "./error.ts";
import { type Frame, FrameType } from "./frame.ts";
import type { InterceptedCall } from "./interceptor.ts";
import type { OutgoingFrame } from "./outbox.ts";
import type { Phases } from "./phases.ts";

/** Where a pending call is: in the pool's queue or in flight on a connection. */
export interface CallHolder {
  /** What this call waits for there, for the message of a deadline error. */
  waitingFor(call: PendingCall): string;
  /** Whether its request is still in a queue of this process. */
  isQueued(call: PendingCall): boolean;
  /** The call ended by itself: forget it, and give back what it holds. */
  drop(call: PendingCall): void;
}

/** What a caller asks for; the same for every attempt at it. */
export interface CallRequest extends InterceptedCall {
  /** JSON text. */
  readonly body: string;
  readonly phases: Phases;
}

/**
 * One attempt at a call that its caller waits for. It is in exactly one queue at a time, which is
 * its state; it ends exactly once, whoever comes first: reply, error, deadline, cancellation, loss
 * of the connection.
 */
export class PendingCall implements Expiring {
  readonly request: CallRequest;
  readonly deadline: number;
  slot: Expiring["slot"];
  holder: CallHolder | undefined;
  /** On its connection; 0 before it is sent. */
  id = 0;
  /** Where its request ends in the bytes of its connection. */
  endsAtByte = 0;
  readonly #deadlines: Deadlines;
  readonly #onReply: (body: unknown) => void;
  readonly #onError: (error: Error, call: PendingCall) => void;

  constructor(
    request: CallRequest,
    deadlines: Deadlines,
    onReply: (body: unknown) => void,
    onError: (error: Error, call: PendingCall) => void,
  ) {
    this.request = request;
    this.deadline = request.deadline;
    this.#deadlines = deadlines;
    this.#onReply = onReply;
    this.#onError = onError;
    deadlines.add(this);
  }

  /** A RESPONSE or an ERROR came for it. */
  answer(frame: Frame): void {
    const { method } = this.request;
    if (frame.type === FrameType.error) return this.fail(decodeError(method, frame));
    let reply: unknown;
    try {
      reply = JSON.parse(frame.body);
    } catch (cause) {
      const message = `Cannot accept the reply of ${method.name}: not JSON`;
      return this.fail(new RpcError("internal", message, { cause }));
    }
    this.#deadlines.delete(this);
    this.#onReply(reply);
  }

  fail(error: Error): void {
    this.#deadlines.delete(this);
    this.#onError(error, this);
  }

  /** It cannot be sent. */
  refuse(status: "unimplemented" | "invalid_argument", why: string): void {
    const message = `Cannot call ${this.request.method.name}: ${why}`;
    this.fail(new RpcError(status, message, { processed: false }));
  }

  /** The REQUEST of this attempt. */
  frame(timeoutMs: number): OutgoingFrame {
    const { method, body, requestId } = this.request;
    const metadata = requestId ? JSON.stringify({ requestId }) : "";
    const { request: type } = FrameType;
    return { type, method: method.number, id: this.id, timeoutMs, metadata, body };
  }

  expire(): void {
    const { method, phases } = this.request;
    const waitingFor = this.holder?.waitingFor(this) ?? "its turn";
    const spent = phases.describe(performance.now(), this.holder?.isQueued(this) ?? false);
    const why = `its deadline passed while waiting for ${waitingFor} (${spent})`;
    this.#end("deadline_exceeded", `Cannot finish ${method.name}: ${why}`);
  }

  /** Its caller no longer waits: the server is told, or never hears of it. */
  cancel(): void {
    this.#end("cancelled", `Cannot finish ${this.request.method.name}: its caller cancelled it`);
  }

  #end(status: "deadline_exceeded" | "cancelled", message: string): void {
    this.holder?.drop(this);
    this.fail(new RpcError(status, message, { processed: this.id !== 0 }));
  }
}
