import { CallTable } from "../call-table.ts";
import type { Deadlines } from "../deadlines.ts";
import { DomainError, RpcError, type RpcStatus } from "../error.ts";
import { type Interceptor, type Outcome, outcomeOf } from "../interceptor.ts";
import type { ServerLimits } from "../limits.ts";
import type { Log } from "../log.ts";
import { type DispatchEntry, declares, type Method } from "../method.ts";
import { encodeError } from "../wire/bodies.ts";
import { type Frame, FrameError, FrameType } from "../wire/frame.ts";
import type { HelloTemplate } from "../wire/handshake.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Tokens } from "../wire/proof.ts";
import type { RefusedCounts } from "./refused-counts.ts";
import { type CallOwner, type Origin, RunningCall } from "./running-call.ts";

/** Statuses that a handler may throw itself. */
const HANDLER_STATUSES: ReadonlySet<RpcStatus> = new Set<RpcStatus>([
  "cancelled",
  "invalid_argument",
  "deadline_exceeded",
  "resource_exhausted",
  "rate_limited",
  "permission_denied",
]);

/** What all connections of one listener share. */
export interface ServerContext {
  readonly dispatch: ReadonlyMap<number, DispatchEntry>;
  readonly hello: HelloTemplate;
  /** Change when the server's secrets are renewed. */
  tokens: Tokens;
  readonly limits: ServerLimits;
  readonly deadlines: Deadlines;
  readonly intercept: Interceptor | undefined;
  readonly log: Log;
  /** Handlers that run, of all connections. */
  readonly load: { running: number };
  readonly refused: RefusedCounts;
}

/** The calls that run for one connection, from REQUEST to answer. */
export class ServerCalls {
  /** The highest id that has arrived. */
  lastId = 0;
  readonly #context: ServerContext;
  readonly #owner: CallOwner;
  readonly #outbox: Outbox;
  readonly #maxFrameBytes: number;
  readonly #terminate: () => void;
  readonly #running = new CallTable<RunningCall>();
  /** Set while draining. */
  #onDrained: (() => void) | undefined;

  /** `maxFrameBytes` is the peer's limit; `terminate` closes the connection at once. */
  constructor(
    context: ServerContext,
    origin: Origin,
    outbox: Outbox,
    maxFrameBytes: number,
    terminate: () => void,
  ) {
    this.#context = context;
    this.#owner = { ...origin, expire: (call) => this.#expire(call) };
    this.#outbox = outbox;
    this.#maxFrameBytes = maxFrameBytes;
    this.#terminate = terminate;
  }

  get size(): number {
    return this.#running.size;
  }

  /**
   * Run the handler of a REQUEST and send its answer, or refuse the call.
   * @throws {FrameError} its id is 0, or belongs to a running call
   */
  begin(frame: Frame): void {
    const { dispatch, deadlines, intercept, load } = this.#context;
    if (this.#running.get(frame.id) || frame.id === 0) {
      throw new FrameError(`Cannot begin call: id ${frame.id} is in use`);
    }
    this.lastId = Math.max(this.lastId, frame.id);
    const entry = dispatch.get(frame.method);
    if (!entry) return this.#sendError(frame.id, this.#lacking(frame.method));
    const call = new RunningCall(entry, frame, this.#owner);
    call.onEnd = intercept?.(call);
    const refusal = this.#refusal(call);
    if (refusal) {
      call.onEnd?.(refusal.status, call, performance.now());
      return this.#sendError(frame.id, refusal);
    }
    this.#running.add(call);
    deadlines.add(call);
    let reply: Promise<unknown>;
    try {
      reply = call.scope
        ? call.scope.run(() => entry.invoke(frame.body, call))
        : entry.invoke(frame.body, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    // A handler whose caller has given up still works: it counts until it ends.
    load.running++;
    reply.then(
      (body) => {
        load.running--;
        this.#succeed(call, body);
      },
      (error: unknown) => {
        load.running--;
        this.#fail(call, error);
      },
    );
  }

  /** The caller has given up. What its handler still returns is discarded. */
  cancel(id: number): void {
    const call = this.#running.get(id);
    if (!call) return;
    this.#end(call, "cancelled");
    call.abort();
  }

  /** Refuse new calls from now on. `onDrained` is called once no call runs. */
  drain(onDrained: () => void): void {
    this.#onDrained = onDrained;
    if (this.size === 0) onDrained();
  }

  /** The connection is lost or refused: abort every call without an answer. */
  abort(): void {
    for (const call of this.#running.values()) {
      this.#context.deadlines.delete(call);
      call.abort();
      call.onEnd?.("cancelled", call, performance.now());
    }
    this.#running.clear();
  }

  #refusal(call: RunningCall): RpcError | undefined {
    const { load, limits } = this.#context;
    const { callers } = call.method;
    if (callers && !callers.includes(call.caller)) return this.#forbid(call);
    const { maxInFlight, maxServerInFlight } = limits;
    if (this.#onDrained) {
      this.#context.refused.calls.draining++;
      return new RpcError("unavailable", "The server is shutting down", { processed: false });
    }
    if (this.size >= maxInFlight) {
      this.#context.refused.calls.connection_in_flight++;
      return overloaded(`Over ${maxInFlight} calls in flight on one connection`);
    }
    if (load.running < maxServerInFlight) return undefined;
    this.#context.refused.calls.server_in_flight++;
    return overloaded(`Over ${maxServerInFlight} calls in flight on this server`);
  }

  #lacking(number: number): RpcError {
    this.#context.refused.calls.unknown_method++;
    return new RpcError("unimplemented", `No method has number ${number}`, { processed: false });
  }

  #forbid({ method, requestId, caller, peer }: RunningCall): RpcError {
    this.#context.refused.calls.caller++;
    const fields = { requestId, method: method.name, caller, peer };
    this.#context.log.warn(fields, "refused a call: its caller may not call the method");
    const message = `The caller "${caller}" may not call ${method.name}`;
    return new RpcError("permission_denied", message, { processed: false });
  }

  #succeed(call: RunningCall, reply: unknown): void {
    let body: string;
    try {
      // JSON has no undefined. The caller's check refuses the null.
      body = JSON.stringify(reply) ?? "null";
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!this.#end(call, "done")) return;
    const limit = this.#maxFrameBytes;
    if (this.#outbox.push({ type: FrameType.response, id: call.id, body }, limit)) return;
    const message = `Cannot send the reply of ${call.method.name}: over ${limit} bytes`;
    this.#sendError(call.id, new RpcError("internal", message));
  }

  #fail(call: RunningCall, error: unknown): void {
    const { method, requestId, scope } = call;
    const isExpected = isAnswer(method, error);
    // A handler that stops because its caller has given up throws this. It is no fault.
    const isAbort = call.isOver && error instanceof DOMException && error.name === "AbortError";
    // DataBaseError is an expected answer, but its cause is a fault that the log must show.
    const hasCause = error instanceof DomainError && error.cause !== undefined;
    if ((!isExpected && !isAbort) || hasCause) {
      const fields = { requestId, traceId: scope?.traceId, err: error };
      this.#context.log.error(fields, describeFault(method, error));
    }
    const answer = isExpected ? error : new RpcError("internal", `${method.name} failed`);
    if (this.#end(call, outcomeOf(answer))) this.#sendError(call.id, answer);
  }

  #expire(call: RunningCall): void {
    if (!this.#end(call, "deadline_exceeded")) return;
    call.abort();
    const ranMs = Math.round(performance.now() - call.begunAt);
    const message = `${call.method.name} did not finish before its deadline (handler ${ranMs} ms)`;
    this.#sendError(call.id, new RpcError("deadline_exceeded", message));
  }

  /** False if the call has ended already: by its deadline, its caller or a lost connection. */
  #end(call: RunningCall, outcome: Outcome): boolean {
    // The id alone is not enough: after a CANCEL the peer may use it for another call.
    if (this.#running.get(call.id) !== call) return false;
    this.#running.take(call.id);
    this.#context.deadlines.delete(call);
    call.onEnd?.(outcome, call, performance.now());
    if (this.size === 0) this.#onDrained?.();
    return true;
  }

  #sendError(id: number, error: RpcError | DomainError): void {
    if (this.#outbox.push(encodeError(id, error), this.#maxFrameBytes)) return;
    // The call must end for its caller: without an answer, by the loss of the connection.
    this.#terminate();
  }
}

/**
 * Whether a handler may answer with this error. Any other status comes from a call that the handler
 * made itself. It describes that call and not this one, so it is not passed on.
 */
function isAnswer(
  method: Method<unknown, unknown>,
  error: unknown,
): error is RpcError | DomainError {
  if (error instanceof DomainError) return declares(method, error.code);
  return error instanceof RpcError && HANDLER_STATUSES.has(error.status);
}

/** The event of a log line. A domain error that the method does not declare is named as a bug. */
function describeFault({ name, errors }: Method<unknown, unknown>, error: unknown): string {
  if (!(error instanceof DomainError) || error.code === "DataBaseError") return `${name} failed`;
  const declared = errors.join(", ") || "none";
  return `${name} threw ${error.code}, which it does not declare (errors: ${declared})`;
}

function overloaded(message: string): RpcError {
  return new RpcError("resource_exhausted", message, { processed: false, retryAfterMs: 1000 });
}
