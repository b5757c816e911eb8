import type { Socket } from "bun";
import type { Log } from "../log.ts";
import { encodeError, isDeclared } from "./answer.ts";
import type { CallContext, DispatchEntry } from "./call.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import { DomainError, RpcError } from "./error.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "./frame.ts";
import { type Hello, parseHello } from "./hello.ts";
import type { Limits } from "./limits.ts";
import { Outbox } from "./outbox.ts";

/** What all connections of one listener share. */
export interface ServerContext {
  readonly dispatch: ReadonlyMap<number, DispatchEntry>;
  readonly hello: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

const MAX_REQUEST_ID_LENGTH = 128;

/** The server's side of one TCP connection. */
export class ServerConnection {
  readonly #socket: Socket<ServerConnection>;
  readonly #context: ServerContext;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #running = new Map<number, RunningCall>();
  /** Ends a peer that does not greet, or that is refused and does not go. */
  #timer: Timer;
  #peer: Hello | undefined;
  #draining: (() => void) | undefined;
  #closed = false;

  constructor(socket: Socket<ServerConnection>, context: ServerContext) {
    this.#socket = socket;
    this.#context = context;
    this.#reader = new FrameReader(context.limits.maxFrameBytes);
    this.#outbox = new Outbox(socket, context.limits.maxOutgoingBytes, () => {
      context.log.warn({ peer: socket.remoteAddress }, "rpc: cut off a peer that does not read");
      this.terminate();
    });
    this.#timer = this.#terminateLater();
  }

  onData(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#refuse(error);
    }
  }

  onDrain(): void {
    this.#outbox.drain();
  }

  onClosed(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const call of this.#running.values()) this.#context.deadlines.delete(call);
    this.#running.clear();
    this.#draining?.();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Take no new calls; resolves once those that run are answered and the answers have left. */
  drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#draining = resolve;
    this.#endIfDrained();
    return promise;
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#closed) return;
    if (frame.type === FrameType.request && this.#peer) return this.#onRequest(frame);
    if (frame.type === FrameType.hello && !this.#peer) return this.#greet(frame);
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  };

  #greet(frame: Frame): void {
    this.#peer = parseHello(frame.body);
    clearTimeout(this.#timer);
    this.#outbox.push({ type: FrameType.hello, body: this.#context.hello }, 0xffffffff);
  }

  #onRequest(frame: Frame): void {
    const { dispatch, limits, deadlines, log } = this.#context;
    if (this.#running.has(frame.id) || frame.id === 0) {
      throw new FrameError(`Cannot begin call: id ${frame.id} is in use`);
    }
    const entry = dispatch.get(frame.method);
    const refusal = entry ? this.#refusal(limits) : lacking(frame.method);
    if (!entry || refusal) return this.#sendError(frame.id, refusal ?? lacking(frame.method));
    const call = new RunningCall(this, entry, frame);
    this.#running.set(frame.id, call);
    deadlines.add(call);
    let reply: Promise<unknown>;
    try {
      reply = entry.invoke(parseBody(entry, frame.body), call);
    } catch (error) {
      return this.#fail(call, error, log);
    }
    reply.then(
      (body) => this.#succeed(call, body),
      (error: unknown) => this.#fail(call, error, log),
    );
  }

  #refusal(limits: Limits): RpcError | undefined {
    if (this.#draining) {
      return new RpcError("unavailable", "The server is shutting down", { processed: false });
    }
    if (this.#running.size < limits.maxInFlight) return undefined;
    const message = `Over ${limits.maxInFlight} calls in flight on one connection`;
    return new RpcError("resource_exhausted", message, { processed: false });
  }

  #succeed(call: RunningCall, reply: unknown): void {
    if (!this.#end(call)) return;
    const body = JSON.stringify(reply);
    const limit = this.#peer?.maxFrameBytes ?? 0;
    if (this.#outbox.push({ type: FrameType.response, id: call.id, body }, limit)) return;
    const message = `Cannot send the reply of ${call.entry.method.name}: over ${limit} bytes`;
    this.#sendError(call.id, new RpcError("internal", message));
  }

  #fail(call: RunningCall, error: unknown, log: Log): void {
    const { method } = call.entry;
    const isExpected =
      error instanceof RpcError || (error instanceof DomainError && isDeclared(method, error.code));
    // DataBaseError is an answer of the table, but somebody has to know what broke.
    if (!isExpected || (error instanceof DomainError && error.cause !== undefined)) {
      log.error({ err: error, method: method.name, requestId: call.requestId }, "rpc: call failed");
    }
    if (!this.#end(call)) return;
    const answer = isExpected ? error : new RpcError("internal", `${method.name} failed`);
    this.#sendError(call.id, answer);
  }

  expire(call: RunningCall): void {
    if (!this.#end(call)) return;
    const message = `${call.entry.method.name} did not finish before its deadline`;
    this.#sendError(call.id, new RpcError("deadline_exceeded", message));
  }

  /** False where the call has been answered already: by its deadline, or the connection is gone. */
  #end(call: RunningCall): boolean {
    if (!this.#running.delete(call.id)) return false;
    this.#context.deadlines.delete(call);
    // Not before this turn's answer is queued.
    if (this.#draining) queueMicrotask(() => this.#endIfDrained());
    return true;
  }

  #sendError(id: number, error: RpcError | DomainError): void {
    this.#outbox.push(encodeError(id, error), this.#peer?.maxFrameBytes ?? 0);
  }

  #refuse(error: FrameError): void {
    const { log } = this.#context;
    log.warn({ peer: this.#socket.remoteAddress, reason: error.message }, "rpc: closed a peer");
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#outbox.push(encodeError(0, new RpcError("invalid_argument", error.message)), 0xffffffff);
    this.#outbox.whenEmpty(() => this.#socket.end());
    this.#timer = this.#terminateLater();
  }

  #terminateLater(): Timer {
    return setTimeout(() => this.terminate(), this.#context.limits.handshakeTimeoutMs);
  }

  #endIfDrained(): void {
    if (this.#running.size > 0 || !this.#draining) return;
    this.#outbox.whenEmpty(() => {
      this.#socket.end();
      this.#draining?.();
    });
  }
}

/** A call whose handler runs. */
class RunningCall implements Expiring, CallContext {
  readonly connection: ServerConnection;
  readonly entry: DispatchEntry;
  readonly id: number;
  readonly requestId: string;
  readonly deadline: number;

  constructor(connection: ServerConnection, entry: DispatchEntry, frame: Frame) {
    this.connection = connection;
    this.entry = entry;
    this.id = frame.id;
    this.requestId = parseRequestId(frame.metadata);
    this.deadline = performance.now() + frame.timeoutMs;
  }

  expire(): void {
    this.connection.expire(this);
  }
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

/** Only for log lines, so what cannot be read is no reason to refuse the call. */
function parseRequestId(metadata: string): string {
  if (metadata === "") return "";
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value !== "object" || value === null || !("requestId" in value)) return "";
    return String(value.requestId).slice(0, MAX_REQUEST_ID_LENGTH);
  } catch {
    return "";
  }
}
