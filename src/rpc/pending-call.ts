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

/**
 * A call that its caller waits for. It is in exactly one queue at a time, which is its state; it
 * ends exactly once, whoever comes first: reply, error, deadline, loss of the connection.
 */
export class PendingCall implements Expiring {
  readonly method: Method<unknown, unknown>;
  readonly request: unknown;
  readonly requestId: string;
  readonly deadline: number;
  holder: CallHolder | undefined;
  /** On its connection. */
  id = 0;
  readonly #deadlines: Deadlines;
  readonly #onReply: (body: unknown) => void;
  readonly #onError: (error: Error) => void;

  constructor(
    method: Method<unknown, unknown>,
    request: unknown,
    when: { requestId: string; deadline: number; deadlines: Deadlines },
    onReply: (body: unknown) => void,
    onError: (error: Error) => void,
  ) {
    this.method = method;
    this.request = request;
    this.requestId = when.requestId;
    this.deadline = when.deadline;
    this.#deadlines = when.deadlines;
    this.#onReply = onReply;
    this.#onError = onError;
    this.#deadlines.add(this);
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
    const waitingFor = this.holder?.waitingFor ?? "its turn";
    this.holder?.drop(this);
    this.#onError(
      new RpcError(
        "deadline_exceeded",
        `Cannot finish ${this.method.name}: its deadline passed while waiting for ${waitingFor}`,
        { processed: this.id !== 0 },
      ),
    );
  }
}
