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
  /** A call ended, whatever way: a slot is free. */
  onRelease(connection: Connection): void;
  /** It takes no more calls; those in flight have failed. */
  onClose(connection: Connection): void;
}

const MAX_ID = 0xffffffff;

/** The client's side of one TCP connection: many calls in flight, told apart by their ids. */
export class Connection implements CallHolder {
  readonly waitingFor = "the server's answer";
  readonly #address: Address;
  readonly #limits: Limits;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #inFlight = new Map<number, PendingCall>();
  readonly #ready = Promise.withResolvers<void>();
  #handshakeTimer: Timer | undefined;
  #socket: Socket<Connection> | undefined;
  #outbox: Outbox | undefined;
  #peer: Hello | undefined;
  #closed = false;
  #lastId = 0;

  private constructor(address: Address, limits: Limits, owner: ConnectionOwner) {
    this.#address = address;
    this.#limits = limits;
    this.#owner = owner;
    this.#reader = new FrameReader(limits.maxFrameBytes);
  }

  /**
   * Connect and exchange HELLO.
   * @throws {RpcError} unavailable: refused, closed, silent, or not a Portico server
   */
  static async open(address: Address, limits: Limits, owner: ConnectionOwner): Promise<Connection> {
    const connection = new Connection(address, limits, owner);
    connection.#handshakeTimer = setTimeout(
      () => connection.#close("no HELLO in time"),
      limits.handshakeTimeoutMs,
    );
    const { host: hostname, port } = address;
    Bun.connect({ hostname, port, data: connection, socket: HANDLERS }).catch((error: Error) =>
      connection.#close("connect failed", error),
    );
    await connection.#ready.promise;
    // It may have been lost between its HELLO and this line.
    if (connection.#closed) throw connection.#lost(false, "connection lost");
    return connection;
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
    const { method } = call;
    if (this.#peer?.methods[method.number] !== method.hash) {
      call.fail(
        new RpcError("unimplemented", `Cannot call ${method.name}: ${this.#unfit(method.number)}`, {
          processed: false,
        }),
      );
      return;
    }
    const id = this.#freeId();
    const fits = this.#outbox?.push(
      {
        type: FrameType.request,
        method: method.number,
        id,
        timeoutMs: Math.max(1, Math.ceil(call.deadline - performance.now())),
        metadata: call.requestId ? JSON.stringify({ requestId: call.requestId }) : "",
        body: JSON.stringify(call.request),
      },
      this.#peer.maxFrameBytes,
    );
    if (!fits) {
      const message = `Cannot call ${method.name}: request over ${this.#peer.maxFrameBytes} bytes`;
      call.fail(new RpcError("invalid_argument", message, { processed: false }));
      return;
    }
    call.id = id;
    call.holder = this;
    this.#inFlight.set(id, call);
  }

  drop(call: PendingCall): void {
    if (this.#inFlight.delete(call.id)) this.#owner.onRelease(this);
  }

  /** Close at once; calls in flight fail with `unavailable`. */
  close(): void {
    this.#close("closed by this side");
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === MAX_ID ? 1 : this.#lastId + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }

  #unfit(number: number): string {
    const where = `${this.#address.host}:${this.#address.port}`;
    return this.#peer?.methods[number] ? `${where} has another shape of it` : `${where} lacks it`;
  }

  onOpen(socket: Socket<Connection>): void {
    if (this.#closed) return void socket.terminate();
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#outbox = new Outbox(socket, this.#limits.maxOutgoingBytes, () =>
      this.#close("the server does not read"),
    );
    this.#outbox.push({ type: FrameType.hello, body: helloText(this.#limits, []) }, MAX_ID);
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
    this.#ready.resolve();
  }

  #answer(frame: Frame): void {
    if (frame.type === FrameType.error && frame.id === 0) {
      throw new FrameError(`Cannot go on: the server says ${frame.body}`);
    }
    const call = this.#inFlight.get(frame.id);
    if (!call) return; // It has met its deadline already.
    this.#inFlight.delete(frame.id);
    if (frame.type === FrameType.error) call.fail(decodeError(call.method, frame));
    else this.#reply(call, frame.body);
    this.#owner.onRelease(this);
  }

  #reply(call: PendingCall, body: string): void {
    let reply: unknown;
    try {
      reply = JSON.parse(body);
    } catch (cause) {
      const message = `Cannot accept the reply of ${call.method.name}: not JSON`;
      return call.fail(new RpcError("internal", message, { cause }));
    }
    call.succeed(reply);
  }

  #close(why: string, cause?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshakeTimer);
    this.#socket?.terminate();
    if (!this.#peer) return this.#ready.reject(this.#lost(false, why, cause));
    const calls = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#owner.onClose(this);
    for (const call of calls) call.fail(this.#lost(true, why, cause));
  }

  #lost(processed: boolean, why: string, cause?: Error): RpcError {
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
  connectError: (socket, error) => socket.data.onClosed(error),
};
