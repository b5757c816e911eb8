import type { DeclaredErrorName } from "../../../schema/errors.ts";
import { Expiring } from "../deadlines.ts";
import { DomainError } from "../error.ts";
import type { InterceptedCall, OnEnd } from "../interceptor.ts";
import { parseObject } from "../json.ts";
import type { CallContext, DispatchEntry, Metadata, Method } from "../method.ts";
import type { Scope } from "../scope.ts";
import { Steps } from "../steps.ts";
import type { Frame } from "../wire/frame.ts";

const MAX_REQUEST_ID_LENGTH = 128;

/** Who calls: the same for all calls of a connection. */
export interface Origin {
  /** The name that the client has proved by a token, or "http". */
  readonly caller: string;
  /** The client's IP address. */
  readonly peer: string;
}

/** What runs the calls of a connection. One object for all of them, because each call keeps it. */
export interface CallOwner extends Origin {
  /** The call's deadline has passed. */
  expire(call: RunningCall): void;
}

/** A call whose handler runs, and the context of that handler. */
export class RunningCall extends Expiring implements CallContext, InterceptedCall {
  readonly method: Method<unknown, unknown>;
  readonly id: number;
  readonly begunAt = performance.now();
  readonly deadline: number;
  isOver = false;
  /** Called when the call ends. */
  onEnd: OnEnd | undefined;
  scope: Scope | undefined;
  steps: Steps | undefined;
  #controller: AbortController | undefined;
  readonly #owner: CallOwner;
  readonly #metadataText: string;
  #metadata: Metadata | undefined;

  constructor({ method }: DispatchEntry, { id, timeoutMs, metadata }: Frame, owner: CallOwner) {
    super();
    this.method = method;
    this.id = id;
    this.deadline = this.begunAt + timeoutMs;
    this.#owner = owner;
    this.#metadataText = metadata;
  }

  /** Made on demand: most handlers need no controller, and each is expensive. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Parsed on demand: most calls need no metadata. If it is unreadable, it is empty. */
  get metadata(): Metadata {
    this.#metadata ??= { ...parseObject(this.#metadataText) };
    return this.#metadata;
  }

  mayCarry(field: string): boolean {
    return this.#metadataText.includes(field);
  }

  get requestId(): string {
    const { requestId } = this.metadata;
    return typeof requestId === "string" ? requestId.slice(0, MAX_REQUEST_ID_LENGTH) : "";
  }

  get caller(): string {
    return this.#owner.caller;
  }

  get peer(): string {
    return this.#owner.peer;
  }

  remainingMs(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  step(name: string | undefined): void {
    this.steps ??= new Steps();
    this.steps.enter(name);
  }

  error(code: DeclaredErrorName): DomainError {
    return new DomainError(code);
  }

  /** Tell the handler that its caller has given up. */
  abort(): void {
    this.isOver = true;
    this.#controller?.abort();
  }

  expire(): void {
    this.#owner.expire(this);
  }
}
