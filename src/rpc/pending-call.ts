import type { Method } from "./call.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { RpcError } from "./error.ts";

/** Where a pending call is: in the pool's queue or in flight on a connection. */
export interface CallHolder {
  /** What the call waits for there, for the message of a deadline error. */
  readonly waitingFor: string;
  /** The call ended by itself: forget it, and give back what it holds. */
  drop(call: PendingCall): void;
}

/** What a caller asks for; the same for every attempt at it. */
export interface CallRequest {
  readonly method: Method<unknown, unknown>;
  /** JSON text. */
  readonly body: string;
  readonly requestId: string;
  /** On the clock of `performance.now()`. */
  readonly deadline: number;
}

/**
 * One attempt at a call that its caller waits for. It is in exactly one queue at a time, which is
 * its state; it ends exactly once, whoever comes first: reply, error, deadline, loss of the
 * connection.
 */
export class PendingCall implements Expiring {
  readonly request: CallRequest;
  readonly deadline: number;
  slot: Expiring["slot"];
  holder: CallHolder | undefined;
  /** On its connection; 0 before it is sent. */
  id = 0;
  readonly #deadlines: Deadlines;
  readonly #onReply: (body: unknown) => void;
  readonly #onError: (error: Error) => void;

  constructor(
    request: CallRequest,
    deadlines: Deadlines,
    onReply: (body: unknown) => void,
    onError: (error: Error) => void,
  ) {
    this.request = request;
    this.deadline = request.deadline;
    this.#deadlines = deadlines;
    this.#onReply = onReply;
    this.#onError = onError;
    deadlines.add(this);
  }

  succeed(body: unknown): void {
    this.#deadlines.delete(this);
    this.#onReply(body);
  }

  fail(error: Error): void {
    this.#deadlines.delete(this);
    this.#onError(error);
  }

  expire(): void {
    const { name } = this.request.method;
    const waitingFor = this.holder?.waitingFor ?? "its turn";
    this.holder?.drop(this);
    this.fail(
      new RpcError(
        "deadline_exceeded",
        `Cannot finish ${name}: its deadline passed while waiting for ${waitingFor}`,
        { processed: this.id !== 0 },
      ),
    );
  }
}
