import type { Socket } from "bun";
import { DEFAULT_CALLER } from "../../../schema/callers.ts";
import { RpcError } from "../error.ts";
import { Liveness } from "../liveness.ts";
import { encodeError, goAwayText } from "../wire/bodies.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "../wire/frame.ts";
import { type Hello, newNonce, parseHello } from "../wire/handshake.ts";
import { Outbox } from "../wire/outbox.ts";
import { isLetIn, isProof, parseProof, proofOf, tokenName } from "../wire/proof.ts";
import { ServerCalls, type ServerContext } from "./calls.ts";

/** Longest frame of a peer before it may call: a stranger must not take much memory. */
const MAX_GREETING_BYTES = 16 * 1024;

type State =
  /** Waits for HELLO. */
  | { readonly name: "connecting" }
  | Greeted
  | {
      readonly name: "open";
      readonly peer: Hello;
      readonly calls: ServerCalls;
      readonly caller: string;
      readonly token: string | undefined;
    }
  /** Refused, gone, or drained before it was open: what the peer still sends is ignored. */
  | { readonly name: "closed" };

/** Waits for the proof of one of these tokens of the caller. */
interface Greeted {
  readonly name: "greeted";
  readonly peer: Hello;
  readonly caller: string;
  /** Token → its proof. */
  readonly proofs: ReadonlyMap<string, string>;
}

/** The server's side of one TCP connection. */
export class ServerConnection {
  readonly #socket: Socket<ServerConnection>;
  readonly #context: ServerContext;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #unproved: Set<ServerConnection>;
  readonly #gone = Promise.withResolvers<void>();
  readonly #liveness: Liveness;
  /** The peer's IP address. The socket forgets it when it closes. */
  readonly peer: string;
  #state: State = { name: "connecting" };
  /** Closes a peer that does not greet in time, or that is refused and does not hang up. */
  #timer: Timer;

  /** @param unproved all connections that may not call yet; this one is in it until it may */
  constructor(
    socket: Socket<ServerConnection>,
    context: ServerContext,
    unproved: Set<ServerConnection>,
  ) {
    this.#socket = socket;
    this.peer = socket.remoteAddress;
    this.#unproved = unproved.add(this);
    this.#context = context;
    const { maxFrameBytes, maxOutgoingBytes, pingIntervalMs, pingTimeoutMs } = context.limits;
    this.#reader = new FrameReader(Math.min(MAX_GREETING_BYTES, maxFrameBytes));
    this.#liveness = new Liveness(pingIntervalMs, pingTimeoutMs);
    this.#outbox = new Outbox(socket, maxOutgoingBytes, () => {
      context.refused.connections.not_reading++;
      context.log.warn({ peer: this.peer }, "cut off a peer that does not read");
      this.terminate();
    });
    this.#timer = this.#terminateLater();
  }

  onData(chunk: Buffer): void {
    if (this.#state.name === "closed") return;
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
    this.#leave();
    this.#unproved.delete(this);
    clearTimeout(this.#timer);
    this.#gone.resolve();
  }

  readonly terminate = (): void => void this.#socket.terminate();

  /** Once a tick: send a PING if it is time for one, and close a peer that stays silent. */
  tick(): void {
    if (this.#state.name !== "open") return; // The other states end by the timer.
    const { calls } = this.#state;
    const next = this.#liveness.tick(calls.size === 0);
    if (next === "close") this.terminate();
    else if (next === "ping") this.#push(FrameType.ping, calls.lastId);
  }

  /** Whether the peer would still be let in. False if its token is not valid any more. */
  get isWelcome(): boolean {
    const state = this.#state;
    return state.name !== "open" || isLetIn(this.#context.tokens, state.caller, state.token);
  }

  /** Take no new calls. Resolves once running calls are answered and the peer has hung up. */
  drain(reason = "shutting down"): Promise<void> {
    const state = this.#state;
    if ("peer" in state) {
      // Calls that arrive later have a higher id: their callers learn that they did not begin.
      const lastId = state.name === "open" ? state.calls.lastId : 0;
      this.#push(FrameType.goaway, 0, goAwayText(lastId, reason));
    }
    if (state.name === "open") {
      state.calls.drain(this.#halfClose);
    } else {
      this.#leave();
      this.#halfClose();
    }
    return this.#gone.promise;
  }

  readonly #onFrame = (frame: Frame): void => {
    const { type, flags, id } = frame;
    const state = this.#state;
    switch (state.name) {
      case "open":
        if (type === FrameType.request) return state.calls.begin(frame);
        if (type === FrameType.cancel) return state.calls.cancel(id);
        if (type === FrameType.ping) return this.#push(FrameType.pong, id);
        if (type === FrameType.proof) throw new FrameError("Handshake failed: unexpected PROOF");
        break;
      case "greeted":
        return this.#prove(frame, state);
      case "connecting":
        if (type === FrameType.hello) return this.#greet(frame);
        break;
      case "closed":
        return;
    }
    if (flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${type} is unknown or out of place`);
  };

  /** @throws {FrameError} the frame is no HELLO, or its caller is not known here */
  #greet({ body }: Frame): void {
    const { hello: template, tokens } = this.#context;
    const peer = parseHello(body);
    const { caller = DEFAULT_CALLER } = peer;
    const nonces = { client: peer.nonce, server: newNonce() };
    const hello = { ...template, nonce: nonces.server };
    const own = tokens.get(caller);
    if (own) {
      const proofs = (role: "client" | "server") =>
        new Map(own.map((token) => [token, proofOf(token, role, nonces, caller)]));
      const [proof = "", ...otherProofs] = proofs("server").values();
      this.#sendHello({ ...hello, proof, ...(otherProofs.length > 0 && { otherProofs }) });
      this.#state = { name: "greeted", peer, caller, proofs: proofs("client") };
    } else if (tokens.has(DEFAULT_CALLER)) {
      throw new FrameError(`Handshake failed: the server has no ${tokenName(caller)}`);
    } else {
      this.#sendHello(hello);
      this.#open(peer, DEFAULT_CALLER, undefined);
    }
  }

  #sendHello(hello: Hello): void {
    this.#outbox.push({ type: FrameType.hello, body: JSON.stringify(hello) });
  }

  /** @throws {FrameError} the frame is not one of the awaited proofs */
  #prove({ type, body }: Frame, { peer, caller, proofs }: Greeted): void {
    if (type !== FrameType.proof) {
      throw new FrameError(
        `Handshake failed: the client has not proved ${tokenName(caller, "the ")}`,
      );
    }
    const given = parseProof(body);
    // Compares with all: timing must not tell with which.
    const [proved] = [...proofs].filter(([, proof]) => isProof(given, proof));
    if (!proved || !isLetIn(this.#context.tokens, caller, proved[0])) {
      throw new FrameError(`Handshake failed: wrong ${tokenName(caller)}`);
    }
    this.#open(peer, caller, proved[0]);
  }

  /** The peer may call. */
  #open(peer: Hello, caller: string, token: string | undefined): void {
    clearTimeout(this.#timer);
    this.#unproved.delete(this);
    const { limits, log } = this.#context;
    this.#reader.maxFrameBytes = limits.maxFrameBytes;
    const { maxFrameBytes, build } = peer;
    const origin = { caller, peer: this.peer };
    const { terminate } = this;
    const calls = new ServerCalls(this.#context, origin, this.#outbox, maxFrameBytes, terminate);
    this.#state = { name: "open", peer, calls, caller, token };
    if (log.isLevelEnabled("debug")) {
      log.debug({ peer: this.peer, build, caller }, "greeted a client");
    }
  }

  /** The peer broke the protocol: tell it why, and close once it has hung up. */
  #refuse({ message }: FrameError): void {
    this.#context.refused.connections.protocol++;
    const fields = { peer: this.peer, reason: message };
    this.#context.log.warn(fields, "closed a peer that broke the protocol");
    const maxFrameBytes = "peer" in this.#state ? this.#state.peer.maxFrameBytes : Infinity;
    this.#leave();
    clearTimeout(this.#timer);
    this.#timer = this.#terminateLater();
    const error = encodeError(0, new RpcError("invalid_argument", message));
    if (this.#outbox.push(error, maxFrameBytes)) this.#halfClose();
    else this.terminate();
  }

  /** Ignore what the peer still sends, and abort its calls. */
  #leave(): void {
    if (this.#state.name === "open") this.#state.calls.abort();
    this.#state = { name: "closed" };
  }

  /**
   * Close our direction once everything is sent. The peer closes the other: if this side did while
   * requests still arrive, TCP would reset the connection and lose the last answers.
   */
  readonly #halfClose = (): void => {
    this.#outbox.whenEmpty(() => this.#socket.shutdown());
  };

  /** Send a frame that an older peer may skip. */
  #push(type: number, id: number, body = ""): void {
    this.#outbox.push({ type, flags: Flag.optional, id, body });
  }

  #terminateLater(): Timer {
    return setTimeout(this.terminate, this.#context.limits.handshakeTimeoutMs);
  }
}
