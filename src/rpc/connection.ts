import type { Socket } from "bun";
import { decodeError } from "./answer.ts";
import { RpcError } from "./error.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "./frame.ts";
import { type Hello, helloText, parseHello } from "./hello.ts";
import type { Limits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { CallHolder, PendingCall } from "./pending-call.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** HELLO was exchanged: it takes calls. */
  onOpen(connection: Connection): void;
  /** A call ended, whatever way: a slot is free. */
  onRelease(connection: Connection): void;
  /** It takes no more calls, or never did; those in flight are about to fail. */
  onClose(connection: Connection, error: RpcError): void;
}

const MAX_UINT32 = 0xffffffff;

/** The client's side of one TCP connection: many calls in flight, told apart by their ids. */
export class Connection implements CallHolder {
  readonly waitingFor = "the server's answer";
  readonly #address: Address;
  readonly #limits: Limits;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #inFlight = new Map<number, PendingCall>();
  readonly #handshakeTimer: Timer;
  #socket: Socket<Connection> | undefined;
  #outbox: Outbox | undefined;
  #peer: Hello | undefined;
  #closed = false;
  #lastId = 0;

  /** Connect and exchange HELLO; the owner hears how that went, always after this returns. */
  constructor(address: Address, limits: Limits, owner: ConnectionOwner) {
    this.#address = address;
    this.#limits = limits;
    this.#owner = owner;
    this.#reader = new FrameReader(limits.maxFrameBytes);
    this.#handshakeTimer = setTimeout(
      () => this.#close("no HELLO in time"),
      limits.handshakeTimeoutMs,
    );
    const { host: hostname, port } = address;
    // try(): Bun.connect throws at once where the port is none, and rejects for all other reasons.
    Promise.try(() => Bun.connect({ hostname, port, data: this, socket: HANDLERS })).catch(
      (error: unknown) => this.#close("connect failed", error),
    );
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether it can take a call; the smaller of both sides' limits counts. */
  get hasFreeSlot(): boolean {
    const peerLimit = this.#peer?.maxInFlight ?? 0;
    return !this.#closed && this.#inFlight.size < Math.min(peerLimit, this.#limits.maxInFlight);
  }

  /** Send a call; its answer ends it. The caller has made sure of a free slot. */
  send(call: PendingCall): void {
    const { method, body, requestId, deadline } = call.request;
    const remainingMs = Math.ceil(deadline - performance.now());
    if (remainingMs <= 0) return call.expire();
    if (this.#peer?.methods[method.number] !== method.hash) {
      return call.fail(this.#refusal("unimplemented", method.name, this.#unfit(method.number)));
    }
    const id = this.#freeId();
    // In flight before it is pushed: where that overflows, the connection fails all it holds.
    call.id = id;
    call.holder = this;
    this.#inFlight.set(id, call);
    const fits = this.#outbox?.push(
      {
        type: FrameType.request,
        method: method.number,
        id,
        timeoutMs: Math.min(remainingMs, MAX_UINT32),
        metadata: requestId ? JSON.stringify({ requestId }) : "",
        body,
      },
      this.#peer.maxFrameBytes,
    );
    if (fits) return;
    this.#inFlight.delete(id);
    const why = `the request is over ${this.#peer.maxFrameBytes} bytes`;
    call.fail(this.#refusal("invalid_argument", method.name, why));
  }

  drop(call: PendingCall): void {
    if (!this.#inFlight.delete(call.id)) return;
    // The server gives the slot back when it reads this, which is before it reads the next call.
    this.#outbox?.push({ type: FrameType.cancel, flags: Flag.optional, id: call.id, body: "" });
    this.#owner.onRelease(this);
  }

  /** Close at once; calls in flight fail with `unavailable`. */
  close(): void {
    this.#close("closed by this side");
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === MAX_UINT32 ? 1 : this.#lastId + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }

  #unfit(number: number): string {
    const where = `${this.#address.host}:${this.#address.port}`;
    return this.#peer?.methods[number] ? `${where} has another shape of it` : `${where} lacks it`;
  }

  #refusal(status: "unimplemented" | "invalid_argument", name: string, why: string): RpcError {
    return new RpcError(status, `Cannot call ${name}: ${why}`, { processed: false });
  }

  onOpen(socket: Socket<Connection>): void {
    if (this.#closed) return void socket.terminate();
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#outbox = new Outbox(socket, this.#limits.maxOutgoingBytes, () =>
      this.#close("the server does not read"),
    );
    this.#outbox.push({ type: FrameType.hello, body: helloText(this.#limits, []) });
  }

  onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#close("protocol error", error);
    }
  }

  onDrain(): void {
    this.#outbox?.drain();
  }

  onClosed(error?: Error): void {
    this.#close("connection lost", error);
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#closed) return;
    if (frame.type === FrameType.hello && !this.#peer) return this.#greet(frame);
    if (frame.type === FrameType.response && this.#peer) return this.#answer(frame);
    if (frame.type === FrameType.error) return this.#answer(frame);
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  };

  #greet(frame: Frame): void {
    this.#peer = parseHello(frame.body);
    clearTimeout(this.#handshakeTimer);
    this.#owner.onOpen(this);
  }

  #answer(frame: Frame): void {
    if (frame.type === FrameType.error && frame.id === 0) {
      throw new FrameError(`Cannot go on: the server says ${frame.body}`);
    }
    const call = this.#inFlight.get(frame.id);
    if (!call) return; // It met its deadline, and this answer crossed our CANCEL.
    this.#inFlight.delete(frame.id);
    if (frame.type === FrameType.error) call.fail(decodeError(call.request.method, frame));
    else this.#reply(call, frame.body);
    this.#owner.onRelease(this);
  }

  #reply(call: PendingCall, body: string): void {
    let reply: unknown;
    try {
      reply = JSON.parse(body);
    } catch (cause) {
      const message = `Cannot accept the reply of ${call.request.method.name}: not JSON`;
      return call.fail(new RpcError("internal", message, { cause }));
    }
    call.succeed(reply);
  }

  #close(why: string, cause?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshakeTimer);
    this.#socket?.terminate();
    const calls = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#owner.onClose(this, this.#lost(false, why, cause));
    const error = this.#lost(true, why, cause);
    for (const call of calls) call.fail(error);
  }

  #lost(processed: boolean, why: string, cause: unknown): RpcError {
    const { host, port } = this.#address;
    const message = `Cannot reach ${host}:${port}: ${why}`;
    return new RpcError("unavailable", message, { cause, processed });
  }
}

const HANDLERS: Bun.SocketHandler<Connection> = {
  open: (socket) => socket.data.onOpen(socket),
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  close: (socket, error) => socket.data.onClosed(error),
  error: (socket, error) => socket.data.onClosed(error),
};
