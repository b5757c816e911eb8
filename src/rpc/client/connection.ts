import type { Socket } from "bun";
import type { Address } from "../address.ts";
import { RpcError } from "../error.ts";
import type { PoolLimits } from "../limits.ts";
import { Liveness } from "../liveness.ts";
import { parseGoAway } from "../wire/answer.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "../wire/frame.ts";
import { answerProof, type Greeting } from "../wire/greeting.ts";
import { type Hello, newNonce, parseHello, whyUnserved } from "../wire/hello.ts";
import { Outbox } from "../wire/outbox.ts";
import type { Attempt, AttemptHolder } from "./attempt.ts";
import { CallsInFlight } from "./calls-in-flight.ts";
import { connect, type SocketUser, TlsError } from "./connect.ts";

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** HELLO was exchanged: it takes calls. */
  onOpen(connection: Connection): void;
  /** A call ended, whatever way: a slot is free. */
  onRelease(connection: Connection): void;
  /** The server wants no more calls on it; those in flight are still answered. */
  onGoAway(connection: Connection): void;
  /** It takes no more calls, or never did; those in flight are about to fail. */
  onClose(connection: Connection, error: RpcError): void;
}

/** The client's side of one TCP connection: many calls in flight, told apart by their ids. */
export class Connection implements AttemptHolder, SocketUser {
  readonly #address: Address;
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #nonce = newNonce();
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #inFlight = new CallsInFlight();
  readonly #handshakeTimer: Timer;
  #socket: Socket<SocketUser> | undefined;
  #outbox: Outbox | undefined;
  #peer: Hello | undefined;
  readonly liveness: Liveness;
  #closed = false;
  /** Takes no more calls, and closes with the end of the last one. */
  #retired = false;
  #lastIdAtTick = 0;

  /** Connect and exchange HELLO; the owner hears how that went, always after this returns. */
  constructor(address: Address, limits: PoolLimits, greeting: Greeting, owner: ConnectionOwner) {
    this.#address = address;
    this.#limits = limits;
    this.#greeting = greeting;
    this.#owner = owner;
    this.#reader = new FrameReader(limits.maxFrameBytes);
    this.liveness = new Liveness(limits.pingIntervalMs, limits.pingTimeoutMs);
    this.#handshakeTimer = setTimeout(
      () => this.#close("no HELLO in time"),
      Math.min(limits.handshakeTimeoutMs, limits.connectTimeoutMs),
    );
    connect(address, greeting.tlsCa, this).then(
      (socket) => this.#onConnected(socket),
      (error: unknown) => this.#close("connect failed", error),
    );
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether it can take a call; the smaller of both sides' limits counts. */
  get hasFreeSlot(): boolean {
    const peerLimit = this.#peer?.maxInFlight ?? 0;
    if (this.#closed || this.#retired || this.#outbox?.isCongested) return false;
    return this.#inFlight.size < Math.min(peerLimit, this.#limits.maxInFlight);
  }

  /** Once a tick: ask a silent server for a sign of life, and close where none comes. */
  tick(): void {
    const isIdle = this.#inFlight.size === 0 && this.#inFlight.lastId === this.#lastIdAtTick;
    this.#lastIdAtTick = this.#inFlight.lastId;
    if (!this.#peer) return; // The handshake has its own limit.
    const next = this.liveness.tick(isIdle);
    if (next === "close") this.#close("the server is silent, or does not read");
    else if (next === "ping") this.#push(FrameType.ping, this.#inFlight.lastId);
  }

  /** Take no more calls, and close once those in flight have ended. */
  retire(): void {
    this.#retired = true;
    this.#release();
  }

  /** Send a call; its answer ends it. The caller has made sure of a free slot. */
  send(call: Attempt): void {
    const { method, deadline, phases } = call.call;
    const now = performance.now();
    const remainingMs = Math.ceil(deadline - now);
    if (remainingMs <= 0) return call.exceed();
    const why = this.#peer ? whyUnserved(this.#peer, method) : "has not greeted";
    if (!this.#peer || why) {
      return call.refuse("unimplemented", `${this.#address.host}:${this.#address.port} ${why}`);
    }
    // In flight before it is pushed: where that overflows, the connection fails all it holds.
    call.holder = this;
    this.#inFlight.add(call);
    const fits = this.#outbox?.push(call.frame(remainingMs), this.#peer.maxFrameBytes);
    if (this.#closed) return; // It overflowed, and the call has failed with all the others.
    if (fits) {
      call.outbox = this.#outbox;
      call.endsAtByte = this.#outbox?.endsAtByte ?? 0;
      if (this.#outbox?.isCongested) this.#release();
      return phases.enter("handler", now);
    }
    this.#inFlight.take(call.id);
    call.id = 0;
    call.refuse("invalid_argument", `the request is over ${this.#peer.maxFrameBytes} bytes`);
  }

  drop(call: Attempt): void {
    if (!this.#inFlight.take(call.id)) return;
    // The server gives the slot back when it reads this, which is before it reads the next call.
    this.#push(FrameType.cancel, call.id);
    this.#release();
  }

  /** Close at once; calls in flight fail with `unavailable`. */
  close(): void {
    this.#close("closed by this side");
  }

  /** With TLS, before its handshake. */
  #onConnected(socket: Socket<SocketUser>): void {
    this.#socket = socket;
    if (this.#closed) socket.terminate();
  }

  onOpen(socket: Socket<SocketUser>): void {
    this.#onConnected(socket);
    if (this.#closed) return;
    socket.setNoDelay(true);
    const { hello: template, tap } = this.#greeting;
    this.#outbox = new Outbox(
      socket,
      this.#limits.maxOutgoingBytes,
      () => this.#close("the server does not read"),
      tap && ((frame) => tap("sent", frame, this.#address)),
    );
    const hello: Hello = { ...template, nonce: this.#nonce };
    this.#outbox.push({ type: FrameType.hello, body: JSON.stringify(hello) });
  }

  onData(chunk: Buffer): void {
    // A server that takes nothing is as good as gone, whatever it says, unless it answers.
    if (!this.#outbox?.isBlocked) this.liveness.quietTicks = 0;
    try {
      this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#close(error.message, error);
    }
  }

  onDrain(): void {
    this.liveness.quietTicks = 0;
    this.#outbox?.drain();
  }

  onClosed(error?: Error): void {
    this.#close(error instanceof TlsError ? error.message : "connection lost", error);
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#closed) return;
    this.#greeting.tap?.("received", frame, this.#address);
    if (frame.type === FrameType.hello && !this.#peer) return this.#greet(frame);
    if (frame.type === FrameType.response && this.#peer) return this.#answer(frame);
    if (frame.type === FrameType.error) return this.#answer(frame);
    if (frame.type === FrameType.ping) return this.#push(FrameType.pong, frame.id);
    if (frame.type === FrameType.goaway && this.#peer) return this.#goAway(frame);
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  };

  #greet(frame: Frame): void {
    const peer = parseHello(frame.body);
    const proof = answerProof(this.#greeting, this.#nonce, peer);
    if (proof) this.#outbox?.push({ type: FrameType.proof, body: JSON.stringify({ proof }) });
    this.#peer = peer;
    clearTimeout(this.#handshakeTimer);
    this.#owner.onOpen(this);
  }

  #answer(frame: Frame): void {
    if (frame.type === FrameType.error && frame.id === 0) {
      throw new FrameError(`Cannot go on: the server says ${frame.body}`);
    }
    const call = this.#inFlight.take(frame.id);
    if (!call) return; // It met its deadline, and this answer crossed our CANCEL.
    this.liveness.quietTicks = 0;
    call.answer(frame);
    this.#release();
  }

  /** What the server has not begun can go elsewhere at once; the rest it still answers. */
  #goAway(frame: Frame): void {
    const { lastId, reason } = parseGoAway(frame.body);
    this.#retired = true;
    this.#owner.onGoAway(this);
    const error = this.#lost(false, `the server goes away: ${reason}`, undefined);
    for (const call of this.#inFlight.takeAllAfter(lastId)) call.fail(error);
    this.#release();
  }

  #release(): void {
    if (this.#retired) {
      if (this.#inFlight.size === 0) this.close();
    } else if (this.#outbox?.isCongested) {
      // The pool holds its calls until what waits has left.
      this.#outbox.whenEmpty(() => this.#release());
    } else {
      this.#owner.onRelease(this);
    }
  }

  /** A frame that says nothing but its type and id. */
  #push(type: number, id: number): void {
    this.#outbox?.push({ type, flags: Flag.optional, id, body: "" });
  }

  #close(why: string, cause?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshakeTimer);
    this.#socket?.terminate();
    const calls = this.#inFlight.takeAllAfter(0);
    this.#owner.onClose(this, this.#lost(false, why, cause));
    // What has not left this process as a whole cannot have begun.
    for (const call of calls) call.fail(this.#lost(!call.isQueued, why, cause));
  }

  #lost(processed: boolean, why: string, cause: unknown): RpcError {
    const { host, port } = this.#address;
    const message = `Cannot reach ${host}:${port}: ${why}`;
    return new RpcError("unavailable", message, { cause, processed });
  }
}
