import type { Deadlines } from "../deadlines.ts";
import { RpcError, type RpcStatus } from "../error.ts";
import {
  type Interceptor,
  type Metadata,
  type OnEnd,
  type Outcome,
  outcomeOf,
} from "../interceptor.ts";
import { type CallOptions, type Method, mismatch } from "../method.ts";
import { Phases } from "../phases.ts";
import { type CallRequest, PendingCall, type PendingCallOwner } from "./pending-call.ts";
import type { Pool } from "./pool.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { Servers } from "./servers.ts";

const DEFAULT_TIMEOUT_MS = 5000;
/** Longer than nearly every call takes. */
const SLOW_MS = 100;

/** `unimplemented` too: while two builds roll, another server may have the method. */
const OTHERS_MAY_ANSWER: ReadonlySet<RpcStatus> = new Set<RpcStatus>([
  "unavailable",
  "resource_exhausted",
  "unimplemented",
]);

/** What all calls of one client share. */
export interface ClientContext {
  readonly servers: Servers;
  readonly budget: RetryBudget;
  readonly deadlines: Deadlines;
  readonly intercept: Interceptor | undefined;
}

/** One call as its caller sees it: it ends once, however often it is tried. */
export class OutgoingCall<Reply> implements CallRequest, PendingCallOwner {
  readonly method: Method<unknown, Reply>;
  readonly body: string;
  readonly requestId: string;
  readonly begunAt = performance.now();
  readonly deadline: number;
  readonly phases = new Phases(this.begunAt);
  readonly #context: ClientContext;
  /** When a signal is asked for that was not given at once; else the deadline. */
  slowAt: number;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: Error) => void;
  readonly #onEnd: OnEnd | undefined;
  readonly #signal: CallOptions["signal"];
  readonly #signalOf: CallOptions["signalOf"];
  /** Where it failed. This and what follows is made when it is needed: most calls never do. */
  #tried: Pool[] | undefined;
  #metadata: Metadata | undefined;
  #unlisten: (() => void) | undefined;
  /** An earlier attempt may have, whatever the last one says of itself. */
  #mayHaveRun = false;
  #attempt: PendingCall | undefined;

  /** @throws {TypeError} the request cannot be JSON, or the timeout is no time */
  constructor(
    context: ClientContext,
    method: Method<unknown, Reply>,
    request: unknown,
    { requestId = "", timeoutMs = DEFAULT_TIMEOUT_MS, signal, signalOf }: CallOptions,
    resolve: (reply: Reply) => void,
    reject: (error: Error) => void,
  ) {
    const body = JSON.stringify(request);
    if (body === undefined || !Number.isFinite(timeoutMs)) {
      const why = body === undefined ? "there is no request" : `its timeout is ${timeoutMs} ms`;
      throw new TypeError(`Cannot call ${method.name}: ${why}`);
    }
    this.#context = context;
    this.method = method;
    this.body = body;
    this.requestId = requestId;
    this.deadline = this.begunAt + timeoutMs;
    this.#signal = signal;
    this.#signalOf = signalOf;
    this.slowAt = signalOf ? Math.min(this.begunAt + SLOW_MS, this.deadline) : this.deadline;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onEnd = context.intercept?.(this);
  }

  get metadata(): Metadata {
    this.#metadata ??= this.requestId ? { requestId: this.requestId } : {};
    return this.#metadata;
  }

  /** JSON text, "" for none. */
  get metadataText(): string {
    if (this.#metadata) return JSON.stringify(this.#metadata);
    return this.requestId ? `{"requestId":${JSON.stringify(this.requestId)}}` : "";
  }

  begin(): void {
    if (this.#signal && this.#listen(this.#signal)) return;
    this.#context.budget.earn();
    this.#try(this.#context.servers.pick());
  }

  onSlow(): void {
    this.slowAt = this.deadline;
    if (this.#signalOf) this.#listen(this.#signalOf.signal);
  }

  onReply(reply: unknown): void {
    const { method } = this;
    if (!method.reply.Check(reply)) {
      const message = `Cannot accept the reply of ${method.name}: ${mismatch(method.reply, reply)}`;
      return this.#fail(new RpcError("internal", message));
    }
    this.#end("done");
    this.#resolve(reply);
  }

  onError(error: Error, attempt: PendingCall): void {
    const isRpc = error instanceof RpcError;
    this.#mayHaveRun ||= isRpc && error.processed;
    const next = this.#next(error, attempt);
    if (next) return this.#try(next);
    if (!isRpc || error.processed || !this.#mayHaveRun) return this.#fail(error);
    this.#fail(new RpcError(error.status, error.message, { cause: error, processed: true }));
  }

  #try(pool: Pool): void {
    this.#attempt = new PendingCall(this, this.#context.deadlines, pool);
    pool.submit(this.#attempt);
  }

  /** Where it is tried next; undefined where the error of its last attempt is the answer. */
  #next(error: Error, { pool, id, isAnswered }: PendingCall): Pool | undefined {
    if (!this.#isWorthAnotherTry(error)) return undefined;
    this.#tried ??= [];
    const isSecondTry = this.#tried.includes(pool);
    this.#tried.push(pool);
    const isSent = id !== 0;
    const isLost = error.status === "unavailable";
    // The same address again, once, and only where it was lost in the middle: it has not refused.
    const canReturn = isLost && isSent && !isAnswered && !isSecondTry;
    const { servers, budget } = this.#context;
    const next = servers.pickOther(this.#tried, isLost) ?? (canReturn ? pool : undefined);
    // What never left this process is no load for anybody: it only looks for a server.
    return next && (!isSent || budget.take()) ? next : undefined;
  }

  #isWorthAnotherTry(error: Error): error is RpcError {
    if (!(error instanceof RpcError) || (error.processed && !this.method.idempotent)) return false;
    return OTHERS_MAY_ANSWER.has(error.status) && performance.now() < this.deadline;
  }

  /** Returns true where that ends the call at once. */
  #listen(signal: AbortSignal): boolean {
    if (signal.aborted) {
      this.#cancel();
      return true;
    }
    const onAbort = () => this.#cancel();
    signal.addEventListener("abort", onAbort);
    const unlisten = this.#unlisten;
    this.#unlisten = () => {
      unlisten?.();
      signal.removeEventListener("abort", onAbort);
    };
    return false;
  }

  #cancel(): void {
    const attempt = this.#attempt;
    attempt?.drop();
    const processed = this.#mayHaveRun || (attempt !== undefined && attempt.id !== 0);
    const message = `Cannot finish ${this.method.name}: its caller cancelled it`;
    this.#fail(new RpcError("cancelled", message, { processed }));
  }

  #fail(error: Error): void {
    this.#end(outcomeOf(error));
    this.#reject(error);
  }

  #end(outcome: Outcome): void {
    this.#unlisten?.();
    this.#onEnd?.(outcome, this);
  }
}
