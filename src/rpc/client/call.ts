import type { Address } from "../address.ts";
import type { Deadlines } from "../deadlines.ts";
import { RpcError, type RpcStatus } from "../error.ts";
import { type Interceptor, type OnEnd, type Outcome, outcomeOf } from "../interceptor.ts";
import { type CallOptions, type Metadata, type Method, mismatch } from "../method.ts";
import { Phases } from "../phases.ts";
import { Attempt, type AttemptedCall } from "./attempt.ts";
import type { Pool } from "./pool.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { Routing } from "./servers.ts";

const DEFAULT_TIMEOUT_MS = 5000;
/** Longer than nearly every call takes. */
const SLOW_MS = 100;

/** `unimplemented` too: during a rolling update, another server may have the method. */
const RETRYABLE: ReadonlySet<RpcStatus> = new Set<RpcStatus>([
  "unavailable",
  "resource_exhausted",
  "unimplemented",
]);

/** What all calls of one client share. */
export interface ClientContext {
  readonly servers: Routing;
  readonly budget: RetryBudget;
  readonly deadlines: Deadlines;
  readonly intercept: Interceptor | undefined;
  /** Attempts after the first, of all calls. */
  readonly counts: { retries: number };
}

/** One call as its caller sees it: one attempt or several, one after the other, and one end. */
export class Call<Reply> implements AttemptedCall {
  readonly method: Method<unknown, Reply>;
  readonly body: string;
  readonly requestId: string;
  readonly begunAt = performance.now();
  readonly deadline: number;
  readonly phases = new Phases(this.begunAt);
  /** When `signalOf` is asked for its signal; without it, and once it was asked, the deadline. */
  slowAt: number;
  readonly #context: ClientContext;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: Error) => void;
  readonly #onEnd: OnEnd | undefined;
  readonly #signal: CallOptions["signal"];
  readonly #signalOf: CallOptions["signalOf"];
  readonly #observer: CallOptions["observer"];
  #attempt: Attempt | undefined;
  /** Where that attempt is made. */
  #pool: Pool | undefined;
  /** The server may have processed an earlier attempt, even if not the last one. */
  #mayHaveRun = false;
  // Made only if they are needed: most calls never need them.
  /** Where earlier attempts failed. */
  #tried: Pool[] | undefined;
  #metadata: Metadata | undefined;
  #unlisten: (() => void) | undefined;

  /** @throws {TypeError} the request has no JSON form, or the timeout is not finite */
  constructor(
    context: ClientContext,
    method: Method<unknown, Reply>,
    request: unknown,
    { requestId = "", timeoutMs = DEFAULT_TIMEOUT_MS, signal, signalOf, observer }: CallOptions,
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
    this.#observer = observer;
    this.slowAt = signalOf ? Math.min(this.begunAt + SLOW_MS, this.deadline) : this.deadline;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onEnd = context.intercept?.(this);
  }

  get server(): Address | undefined {
    return this.#pool?.address;
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

  onError(error: Error, attempt: Attempt): void {
    const isRpc = error instanceof RpcError;
    this.#mayHaveRun ||= isRpc && error.processed;
    const next = this.#nextPool(error, attempt);
    if (next) {
      this.#context.counts.retries++;
      return this.#try(next);
    }
    if (!isRpc || error.processed || !this.#mayHaveRun) return this.#fail(error);
    this.#fail(new RpcError(error.status, error.message, { cause: error, processed: true }));
  }

  #try(pool: Pool): void {
    this.#pool = pool;
    this.#attempt = new Attempt(this, this.#context.deadlines);
    pool.submit(this.#attempt);
  }

  /** Where to try next; undefined if the error of the last attempt ends the call. */
  #nextPool(error: Error, { isSent, isAnswered, isTurnedAway }: Attempt): Pool | undefined {
    const pool = this.#pool;
    if (!pool || !this.#isRetryable(error)) return undefined;
    this.#tried ??= [];
    const isSecondTry = this.#tried.includes(pool);
    this.#tried.push(pool);
    const isLost = error.status === "unavailable";
    // The same server again, once, and only if its connection was lost: it has refused nothing.
    // More often only if it ends its connections one after the other, as with a new token.
    const mayReturn = isTurnedAway || !isSecondTry;
    const canReturn = isLost && isSent && !isAnswered && mayReturn;
    const { servers, budget } = this.#context;
    const next = servers.pickOther(this.#tried, isLost) ?? (canReturn ? pool : undefined);
    // An attempt that was never sent has loaded no server: its retry costs nothing.
    return next && (!isSent || budget.take()) ? next : undefined;
  }

  #isRetryable(error: Error): error is RpcError {
    if (!(error instanceof RpcError) || (error.processed && !this.method.idempotent)) return false;
    return RETRYABLE.has(error.status) && performance.now() < this.deadline;
  }

  /** Returns true if the signal is aborted already: the call has ended. */
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
    const processed = this.#mayHaveRun || attempt?.isSent === true;
    const message = `Cannot finish ${this.method.name}: the caller cancelled it`;
    this.#fail(new RpcError("cancelled", message, { processed }));
  }

  #fail(error: Error): void {
    this.#end(outcomeOf(error));
    this.#reject(error);
  }

  #end(outcome: Outcome): void {
    this.#unlisten?.();
    if (!this.#onEnd && !this.#observer) return;
    const endedAt = performance.now();
    this.#onEnd?.(outcome, this, endedAt);
    this.#observer?.onCallEnd(this.phases, endedAt);
  }
}
