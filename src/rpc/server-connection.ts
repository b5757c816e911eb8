import type { Socket } from "bun";
import type { Log } from "../log.ts";
import { encodeError, isDeclared } from "./answer.ts";
import type { DispatchEntry } from "./call.ts";
import type { Deadlines } from "./deadlines.ts";
import { DomainError, RpcError } from "./error.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "./frame.ts";
import { type Hello, parseHello } from "./hello.ts";
import type { Limits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { RunningCall } from "./running-call.ts";

/** What all connections of one listener share. */
export interface ServerContext {
  readonly dispatch: ReadonlyMap<number, DispatchEntry>;
  readonly hello: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

/** The server's side of one TCP connection. */
export class ServerConnection {
  readonly #socket: Socket<ServerConnection>;
  readonly #context: ServerContext;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #running = new Map<number, RunningCall>();
  readonly #gone = Promise.withResolvers<void>();
  /** Ends a peer that does not greet, or that is refused and does not go. */
  #timer: Timer;
  #peer: Hello | undefined;
  #draining = false;
  /** Refused or gone: what the peer still sends is ignored. */
  #closed = false;

  constructor(socket: Socket<ServerConnection>, context: ServerContext) {
    this.#socket = socket;
    this.#context = context;
    this.#reader = new FrameReader(context.limits.maxFrameBytes);
    this.#outbox = new Outbox(socket, context.limits.maxOutgoingBytes, () => {
      context.log.warn({ peer: socket.remoteAddress }, "cut off a peer that does not read");
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
    this.#forgetCalls();
    this.#gone.resolve();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Take no new calls; resolves once those that run are answered and the peer has hung up. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#endIfDrained();
    return this.#gone.promise;
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#closed) return;
    if (frame.type === FrameType.request && this.#peer) return this.#onRequest(frame);
    if (frame.type === FrameType.cancel && this.#peer) return this.#onCancel(frame);
    if (frame.type === FrameType.hello && !this.#peer) return this.#greet(frame);
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  };

  #greet(frame: Frame): void {
    this.#peer = parseHello(frame.body);
    clearTimeout(this.#timer);
    this.#outbox.push({ type: FrameType.hello, body: this.#context.hello });
  }

  #onRequest(frame: Frame): void {
    const { dispatch, deadlines } = this.#context;
    if (this.#running.has(frame.id) || frame.id === 0) {
      throw new FrameError(`Cannot begin call: id ${frame.id} is in use`);
    }
    const entry = dispatch.get(frame.method);
    if (!entry) return this.#sendError(frame.id, lacking(frame.method));
    const refusal = this.#refusal();
    if (refusal) return this.#sendError(frame.id, refusal);
    const call = new RunningCall(entry, frame, this.#expire);
    this.#running.set(frame.id, call);
    deadlines.add(call);
    let reply: Promise<unknown>;
    try {
      reply = entry.invoke(parseBody(entry, frame.body), call);
    } catch (error) {
      return this.#fail(call, error);
    }
    reply.then(
      (body) => this.#succeed(call, body),
      (error: unknown) => this.#fail(call, error),
    );
  }

  /** The caller has stopped waiting; what its handler still returns is discarded. */
  #onCancel(frame: Frame): void {
    const call = this.#running.get(frame.id);
    if (call) this.#end(call, "cancelled");
  }

  #refusal(): RpcError | undefined {
    const { maxInFlight } = this.#context.limits;
    if (this.#draining) {
      return new RpcError("unavailable", "The server is shutting down", { processed: false });
    }
    if (this.#running.size < maxInFlight) return undefined;
    const message = `Over ${maxInFlight} calls in flight on one connection`;
    return new RpcError("resource_exhausted", message, { processed: false });
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
    const limit = this.#peer?.maxFrameBytes ?? 0;
    if (this.#outbox.push({ type: FrameType.response, id: call.id, body }, limit)) return;
    const message = `Cannot send the reply of ${call.entry.method.name}: over ${limit} bytes`;
    this.#sendError(call.id, new RpcError("internal", message));
  }

  #fail(call: RunningCall, error: unknown): void {
    const { log } = this.#context;
    const { method } = call.entry;
    const isExpected =
      error instanceof RpcError || (error instanceof DomainError && isDeclared(method, error.code));
    // DataBaseError is an answer of the table, but somebody has to know what broke.
    if (!isExpected || (error instanceof DomainError && error.cause !== undefined)) {
      log.error({ requestId: call.requestId, err: error }, `${method.name} failed`);
    }
    if (!this.#end(call, error instanceof DomainError ? error.code : "failed")) return;
    const answer = isExpected ? error : new RpcError("internal", `${method.name} failed`);
    this.#sendError(call.id, answer);
  }

  readonly #expire = (call: RunningCall): void => {
    if (!this.#end(call, "deadline_exceeded")) return;
    const message = `${call.entry.method.name} did not finish before its deadline`;
    this.#sendError(call.id, new RpcError("deadline_exceeded", message));
  };

  /** False where the call has ended already: by its deadline, its caller or a lost connection. */
  #end(call: RunningCall, outcome: string): boolean {
    // Not by the id alone: after a CANCEL the peer may use it for another call.
    if (this.#running.get(call.id) !== call) return false;
    this.#running.delete(call.id);
    const { deadlines, log } = this.#context;
    deadlines.delete(call);
    if (log.isLevelEnabled("debug")) {
      const fields = {
        requestId: call.requestId,
        ms: Math.round(performance.now() - call.begunAt),
      };
      log.debug(fields, `${call.entry.method.name} ${outcome}`);
    }
    if (this.#draining) this.#endIfDrained();
    return true;
  }

  #forgetCalls(): void {
    for (const call of this.#running.values()) this.#context.deadlines.delete(call);
    this.#running.clear();
  }

  #sendError(id: number, error: RpcError | DomainError): void {
    if (this.#outbox.push(encodeError(id, error), this.#peer?.maxFrameBytes)) return;
    // Every call gets an end: if not an answer, then the loss of its connection.
    this.terminate();
  }

  #refuse(error: FrameError): void {
    const { log } = this.#context;
    log.warn(
      { peer: this.#socket.remoteAddress, reason: error.message },
      "closed a peer that broke the protocol",
    );
    this.#closed = true;
    this.#forgetCalls();
    clearTimeout(this.#timer);
    this.#timer = this.#terminateLater();
    this.#sendError(0, new RpcError("invalid_argument", error.message));
    this.#outbox.whenEmpty(() => this.#socket.shutdown());
  }

  #terminateLater(): Timer {
    return setTimeout(() => this.terminate(), this.#context.limits.handshakeTimeoutMs);
  }

  /** Half-closes only: to close on requests that still arrive would cut off our last answers. */
  #endIfDrained(): void {
    if (this.#running.size === 0) this.#outbox.whenEmpty(() => this.#socket.shutdown());
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
