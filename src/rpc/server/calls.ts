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
import { RunningCall } from "./running-call.ts";

type Answer = RpcError | DomainError;

const OWN_STATUSES: ReadonlySet<RpcStatus> = new Set<RpcStatus>([
  "cancelled",
  "invalid_argument",
  "deadline_exceeded",
  "resource_exhausted",
]);

/** What all connections of one listener share. */
export interface ServerContext {
  readonly dispatch: ReadonlyMap<number, DispatchEntry>;
  readonly hello: HelloTemplate;
  readonly token: string | undefined;
  readonly limits: ServerLimits;
  readonly deadlines: Deadlines;
  readonly intercept: Interceptor | undefined;
  readonly log: Log;
  /** Handlers that run for all connections together. */
  readonly load: { running: number };
}

/** What the calls of a connection tell it. */
export interface ServerCallsOwner {
  onCallEnd(): void;
  terminate(): void;
}

/** The calls that run for one connection, from REQUEST to answer. */
export class ServerCalls {
  /** The highest id that has arrived. */
  lastId = 0;
  /** The peer's limit. */
  maxFrameBytes = Infinity;
  readonly #context: ServerContext;
  readonly #outbox: Outbox;
  readonly #owner: ServerCallsOwner;
  readonly #running = new CallTable<RunningCall>();

  constructor(context: ServerContext, outbox: Outbox, owner: ServerCallsOwner) {
    this.#context = context;
    this.#outbox = outbox;
    this.#owner = owner;
  }

  get size(): number {
    return this.#running.size;
  }

  /**
   * Run the handler of a REQUEST and answer for it, or refuse it.
   * @throws {FrameError} its id is that of a running call
   */
  begin(frame: Frame, isDraining: boolean): void {
    const { dispatch, deadlines, intercept } = this.#context;
    if (this.#running.get(frame.id) || frame.id === 0) {
      throw new FrameError(`Cannot begin call: id ${frame.id} is in use`);
    }
    this.lastId = Math.max(this.lastId, frame.id);
    const entry = dispatch.get(frame.method);
    if (!entry) return this.sendError(frame.id, lacking(frame.method));
    const call = new RunningCall(entry, frame, this.#expire);
    call.onEnd = intercept?.(call);
    const refusal = this.#refusal(isDraining);
    if (refusal) {
      call.onEnd?.(refusal.status, call);
      return this.sendError(frame.id, refusal);
    }
    this.#running.add(call);
    deadlines.add(call);
    let reply: Promise<unknown>;
    try {
      reply = entry.invoke(parseBody(entry, frame.body), call);
    } catch (error) {
      return this.#fail(call, error);
    }
    // A handler whose caller is gone is still work: it counts until it ends.
    this.#context.load.running++;
    reply.then(
      (body) => {
        this.#context.load.running--;
        this.#succeed(call, body);
      },
      (error: unknown) => {
        this.#context.load.running--;
        this.#fail(call, error);
      },
    );
  }

  /** The caller has stopped waiting; what its handler still returns is discarded. */
  cancel(id: number): void {
    const call = this.#running.get(id);
    if (!call) return;
    this.#end(call, "cancelled");
    call.abort();
  }

  #refusal(isDraining: boolean): RpcError | undefined {
    const { load, limits } = this.#context;
    const { maxInFlight, maxServerInFlight } = limits;
    if (isDraining) {
      return new RpcError("unavailable", "The server is shutting down", { processed: false });
    }
    if (this.#running.size >= maxInFlight) {
      return overloaded(`Over ${maxInFlight} calls in flight on one connection`);
    }
    if (load.running < maxServerInFlight) return undefined;
    return overloaded(`Over ${maxServerInFlight} calls in flight on this server`);
  }

  #succeed(call: RunningCall, reply: unknown): void {
    let body: string;
    try {
      // Nothing at all is not JSON: the caller's check refuses the null.
      body = JSON.stringify(reply) ?? "null";
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!this.#end(call, "done")) return;
    const limit = this.maxFrameBytes;
    if (this.#outbox.push({ type: FrameType.response, id: call.id, body }, limit)) return;
    const message = `Cannot send the reply of ${call.entry.method.name}: over ${limit} bytes`;
    this.sendError(call.id, new RpcError("internal", message));
  }

  #fail(call: RunningCall, error: unknown): void {
    const { log } = this.#context;
    const { method } = call.entry;
    const isExpected = isAnswer(method, error);
    // A handler that gave up when its caller did says so, and nobody minds.
    const isAbort = call.isOver && error instanceof DOMException && error.name === "AbortError";
    // DataBaseError is an answer of the table, but somebody has to know what broke.
    if ((!isExpected && !isAbort) || (error instanceof DomainError && error.cause !== undefined)) {
      log.error({ requestId: call.requestId, err: error }, describeFault(method, error));
    }
    const answer = isExpected ? error : new RpcError("internal", `${method.name} failed`);
    if (this.#end(call, outcomeOf(answer))) this.sendError(call.id, answer);
  }

  readonly #expire = (call: RunningCall): void => {
    if (!this.#end(call, "deadline_exceeded")) return;
    call.abort();
    const ranMs = Math.round(performance.now() - call.begunAt);
    const message = `${call.method.name} did not finish before its deadline (handler ${ranMs} ms)`;
    this.sendError(call.id, new RpcError("deadline_exceeded", message));
  };

  /** False where the call has ended already: by its deadline, its caller or a lost connection. */
  #end(call: RunningCall, outcome: Outcome): boolean {
    // Not by the id alone: after a CANCEL the peer may use it for another call.
    if (this.#running.get(call.id) !== call) return false;
    this.#running.take(call.id);
    this.#context.deadlines.delete(call);
    call.onEnd?.(outcome, call);
    this.#owner.onCallEnd();
    return true;
  }

  /** The connection is lost or refused: nobody can be answered. */
  forget(): void {
    for (const call of this.#running.values()) {
      this.#context.deadlines.delete(call);
      call.abort();
      call.onEnd?.("cancelled", call);
    }
    this.#running.clear();
  }

  sendError(id: number, error: Answer): void {
    if (this.#outbox.push(encodeError(id, error), this.maxFrameBytes)) return;
    // Every call gets an end: if not an answer, then the loss of its connection.
    this.#owner.terminate();
  }
}

/**
 * Whether a handler may answer with this error. Other statuses are of a call that it has made
 * itself: passed on, they would say of this call what holds for that one.
 */
function isAnswer(method: Method<unknown, unknown>, error: unknown): error is Answer {
  if (error instanceof DomainError) return declares(method, error.code);
  return error instanceof RpcError && OWN_STATUSES.has(error.status);
}

/** For the log: an error of the table that callers are not prepared for is a mistake of ours. */
function describeFault({ name, errors }: Method<unknown, unknown>, error: unknown): string {
  if (!(error instanceof DomainError) || error.code === "DataBaseError") return `${name} failed`;
  const declared = errors.join(", ") || "none";
  return `${name} threw ${error.code}, which it does not declare (errors: ${declared})`;
}

function overloaded(message: string): RpcError {
  return new RpcError("resource_exhausted", message, { processed: false, retryAfterMs: 1000 });
}

function lacking(number: number): RpcError {
  return new RpcError("unimplemented", `No method has number ${number}`, { processed: false });
}

function parseBody(entry: DispatchEntry, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    const message = `Cannot accept the request of ${entry.method.name}: not JSON`;
    throw new RpcError("invalid_argument", message, { cause, processed: false });
  }
}
