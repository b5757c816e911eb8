import type { DeclaredErrorName } from "../../../schema/errors.ts";
import { Expiring } from "../deadlines.ts";
import { DomainError } from "../error.ts";
import type { InterceptedCall, Metadata, OnEnd } from "../interceptor.ts";
import { parseObject } from "../json.ts";
import type { CallContext, DispatchEntry, Method } from "../method.ts";
import type { Frame } from "../wire/frame.ts";

const MAX_REQUEST_ID_LENGTH = 128;

/** A call whose handler runs on the server; it is its handler's context, too. */
export class RunningCall extends Expiring implements CallContext, InterceptedCall {
  readonly entry: DispatchEntry;
  readonly id: number;
  /** On the clock of `performance.now()`, as the deadline. */
  readonly begunAt = performance.now();
  readonly deadline: number;
  /** Nobody waits for its answer any more. */
  isOver = false;
  /** What the interceptors still want to hear. */
  onEnd: OnEnd | undefined;
  #controller: AbortController | undefined;
  readonly #metadataText: string;
  #metadata: Metadata | undefined;
  readonly #onExpire: (call: RunningCall) => void;

  constructor(entry: DispatchEntry, frame: Frame, onExpire: (call: RunningCall) => void) {
    super();
    this.entry = entry;
    this.id = frame.id;
    this.deadline = this.begunAt + frame.timeoutMs;
    this.#metadataText = frame.metadata;
    this.#onExpire = onExpire;
  }

  /** Made when asked for: most handlers never do, and a controller for each call is costly. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  error(code: DeclaredErrorName): DomainError {
    return new DomainError(code);
  }

  /** Tell the handler that nobody waits. */
  abort(): void {
    this.isOver = true;
    this.#controller?.abort();
  }

  get method(): Method<unknown, unknown> {
    return this.entry.method;
  }

  get requestId(): string {
    const { requestId } = this.metadata;
    return typeof requestId === "string" ? requestId.slice(0, MAX_REQUEST_ID_LENGTH) : "";
  }

  /**
   * Parsed when asked for, which for most calls is never. They are only for logs and traces, so
   * what cannot be read is no reason to refuse the call.
   */
  get metadata(): Metadata {
    this.#metadata ??= { ...parseObject(this.#metadataText) };
    return this.#metadata;
  }

  expire(): void {
    this.#onExpire(this);
  }
}
