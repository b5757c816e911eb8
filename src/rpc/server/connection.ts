import type { Socket } from "bun";
import { RpcError } from "../error.ts";
import { Liveness } from "../liveness.ts";
import { goAwayText } from "../wire/bodies.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "../wire/frame.ts";
import {
  type Hello,
  isProof,
  newNonce,
  parseHello,
  parseProof,
  proofOf,
} from "../wire/handshake.ts";
import { Outbox } from "../wire/outbox.ts";
import { ServerCalls, type ServerCallsOwner, type ServerContext } from "./calls.ts";

/** What a peer may make us hold that may still be anybody. */
const MAX_GREETING_BYTES = 16 * 1024;

/** The server's side of one TCP connection. */
export class ServerConnection implements ServerCallsOwner {
  readonly #socket: Socket<ServerConnection>;
  readonly #context: ServerContext;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #calls: ServerCalls;
  readonly #unproved: Set<ServerConnection>;
  readonly #gone = Promise.withResolvers<void>();
  /** Ends a peer that does not greet, or that is refused and does not go. */
  #timer: Timer;
  #peer: Hello | undefined;
  /** Until it has come, the peer may be anybody. */
  #awaitedProof: string | undefined;
  readonly #liveness: Liveness;
  #draining = false;
  /** Refused or gone: what the peer still sends is ignored. */
  #closed = false;

  /** @param unproved all that have not greeted yet; this one leaves it when it has */
  constructor(
    socket: Socket<ServerConnection>,
    context: ServerContext,
    unproved: Set<ServerConnection>,
  ) {
    this.#socket = socket;
    this.#unproved = unproved.add(this);
    this.#context = context;
    const { maxFrameBytes } = context.limits;
    this.#reader = new FrameReader(Math.min(MAX_GREETING_BYTES, maxFrameBytes));
    this.#liveness = new Liveness(context.limits.pingIntervalMs, context.limits.pingTimeoutMs);
    this.#outbox = new Outbox(socket, context.limits.maxOutgoingBytes, () => {
      context.log.warn({ peer: socket.remoteAddress }, "cut off a peer that does not read");
      this.terminate();
    });
    this.#calls = new ServerCalls(context, this.#outbox, this);
    this.#timer = this.#terminateLater();
  }

  /** Its address. */
  get peer(): string {
    return this.#socket.remoteAddress;
  }

  onData(chunk: Buffer): void {
    if (this.#closed) return;
    this.#liveness.quietTicks = 0;
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
    this.#unproved.delete(this);
    clearTimeout(this.#timer);
    this.#calls.forget();
    this.#gone.resolve();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Once a tick: ask a silent peer for a sign of life, and close where none comes. */
  tick(): void {
    if (!this.#peer || this.#closed) return; // These have limits of their own.
    const next = this.#liveness.tick(this.#calls.size === 0);
    if (next === "close") this.terminate();
    else if (next === "ping") this.#push(FrameType.ping, this.#calls.lastId);
  }

  /** Take no new calls; resolves once those that run are answered and the peer has hung up. */
  drain(): Promise<void> {
    this.#draining = true;
    // What arrives later has a higher id: its caller hears that it was not begun.
    if (this.#peer)
      this.#push(FrameType.goaway, 0, goAwayText(this.#calls.lastId, "shutting down"));
    this.onCallEnd();
    return this.#gone.promise;
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#closed) return;
    if (frame.type === FrameType.proof && this.#peer) return this.#onProof(frame);
    if (this.#awaitedProof)
      throw new FrameError("Handshake failed: the client has not proved RPC_TOKEN");
    if (frame.type === FrameType.request && this.#peer) {
      return this.#calls.begin(frame, this.#draining);
    }
    if (frame.type === FrameType.cancel && this.#peer) return this.#calls.cancel(frame.id);
    if (frame.type === FrameType.ping && this.#peer) return this.#push(FrameType.pong, frame.id);
    if (frame.type === FrameType.hello && !this.#peer) return this.#greet(frame);
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  };

  #greet(frame: Frame): void {
    const { hello: template, token } = this.#context;
    this.#peer = parseHello(frame.body);
    this.#calls.maxFrameBytes = this.#peer.maxFrameBytes;
    const nonces = { client: this.#peer.nonce, server: newNonce() };
    const hello = { ...template, nonce: nonces.server };
    if (token === undefined) {
      this.#trust();
      this.#outbox.push({ type: FrameType.hello, body: JSON.stringify(hello) });
      return;
    }
    this.#awaitedProof = proofOf(token, "client", nonces);
    const proof = proofOf(token, "server", nonces);
    this.#outbox.push({ type: FrameType.hello, body: JSON.stringify({ ...hello, proof }) });
  }

  /** @throws {FrameError} the client does not know the token, or was not asked */
  #onProof(frame: Frame): void {
    const wanted = this.#awaitedProof;
    if (wanted === undefined || !isProof(parseProof(frame.body), wanted)) {
      throw new FrameError("Handshake failed: wrong RPC_TOKEN");
    }
    this.#awaitedProof = undefined;
    this.#trust();
  }

  /** The peer may call. */
  #trust(): void {
    clearTimeout(this.#timer);
    this.#unproved.delete(this);
    this.#reader.maxFrameBytes = this.#context.limits.maxFrameBytes;
    const { log } = this.#context;
    if (!log.isLevelEnabled("debug")) return;
    log.debug({ peer: this.#socket.remoteAddress, build: this.#peer?.build }, "greeted a client");
  }

  /** A frame that an older peer may skip. */
  #push(type: number, id: number, body = ""): void {
    this.#outbox.push({ type, flags: Flag.optional, id, body });
  }

  #refuse(error: FrameError): void {
    const { log } = this.#context;
    log.warn(
      { peer: this.#socket.remoteAddress, reason: error.message },
      "closed a peer that broke the protocol",
    );
    this.#closed = true;
    this.#calls.forget();
    clearTimeout(this.#timer);
    this.#timer = this.#terminateLater();
    this.#calls.sendError(0, new RpcError("invalid_argument", error.message));
    this.#outbox.whenEmpty(() => this.#socket.shutdown());
  }

  #terminateLater(): Timer {
    return setTimeout(() => this.terminate(), this.#context.limits.handshakeTimeoutMs);
  }

  /** Half-closes only: to close on requests that still arrive would cut off our last answers. */
  onCallEnd(): void {
    if (!this.#draining || this.#calls.size > 0) return;
    this.#outbox.whenEmpty(() => this.#socket.shutdown());
  }
}
