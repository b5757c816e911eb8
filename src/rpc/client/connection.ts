import type { Address } from "../address.ts";
import { CallTable } from "../call-table.ts";
import { RpcError } from "../error.ts";
import type { PoolLimits } from "../limits.ts";
import { parseGoAway, refusalText } from "../wire/bodies.ts";
import { Flag, type Frame, FrameError, FrameType } from "../wire/frame.ts";
import { type Greeting, type Hello, newNonce, parseHello, whyUnserved } from "../wire/handshake.ts";
import type { Outbox } from "../wire/outbox.ts";
import { answerProof } from "../wire/proof.ts";
import type { Attempt, AttemptHolder } from "./attempt.ts";
import { FrameSocket } from "./socket.ts";

const MAX_ID = 0xffffffff;

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** HELLO was exchanged: the connection takes calls. */
  onOpen(connection: Connection): void;
  /** A call has ended: a slot is free. */
  onRelease(connection: Connection): void;
  /** The server takes no more calls on it, but still answers those in flight. */
  onGoAway(connection: Connection): void;
  /** It is closed, or could not be opened. Calls in flight fail after this. */
  onClose(connection: Connection, error: RpcError): void;
}

/** A connection that is leaving takes no more calls, and closes when the last one ends. */
type State =
  | { readonly name: "connecting" }
  | { readonly name: "greeting"; readonly outbox: Outbox }
  | { readonly name: "open" | "leaving"; readonly outbox: Outbox; readonly peer: Hello }
  | { readonly name: "closed" };

/** The client's side of one TCP connection: many calls in flight, told apart by their ids. */
export class Connection implements AttemptHolder {
  readonly #address: Address;
  readonly #limits: PoolLimits;
  readonly #greeting: Greeting;
  readonly #nonce = newNonce();
  readonly #owner: ConnectionOwner;
  readonly #socket: FrameSocket;
  readonly #handshakeTimer: Timer;
  readonly #attempts = new CallTable<Attempt>();
  #state: State = { name: "connecting" };
  /** Ids count up, so that a late answer never ends another call. */
  #lastId = 0;
  #lastIdAtTick = 0;
  /** On the clock of `performance.now()`. */
  #replaceAt = Infinity;

  /** Connect and exchange HELLO. The owner hears the result after the constructor has returned. */
  constructor(address: Address, limits: PoolLimits, greeting: Greeting, owner: ConnectionOwner) {
    this.#address = address;
    this.#limits = limits;
    this.#greeting = greeting;
    this.#owner = owner;
    this.#socket = new FrameSocket(address, limits, greeting, {
      onOpen: (outbox) => this.#onSocketOpen(outbox),
      onFrame: (frame) => this.#onFrame(frame),
      onClose: (why, cause) => this.#onClose(why, cause),
    });
    this.#handshakeTimer = setTimeout(
      () => this.#socket.close("no HELLO in time"),
      Math.min(limits.handshakeTimeoutMs, limits.connectTimeoutMs),
    );
  }

  get inFlight(): number {
    return this.#attempts.size;
  }

  /** Whether it can take a call; the smaller of both sides' limits counts. */
  get hasFreeSlot(): boolean {
    const state = this.#state;
    if (state.name !== "open" || state.outbox.isCongested) return false;
    return this.#attempts.size < Math.min(state.peer.maxInFlight, this.#limits.maxInFlight);
  }

  /** For how long it has had no call. */
  get idleMs(): number {
    return this.#socket.liveness.idleMs;
  }

  /** Whether it has reached its age limit. */
  isOld(now: number): boolean {
    return now >= this.#replaceAt;
  }

  /** Once a tick: see that the server is still there. */
  tick(): void {
    const isIdle = this.#attempts.size === 0 && this.#lastId === this.#lastIdAtTick;
    this.#lastIdAtTick = this.#lastId;
    this.#socket.tick(isIdle, this.#lastId);
  }

  /** Take no more calls, and close once those in flight have ended. */
  retire(): void {
    this.#leave();
    this.#release();
  }

  /** Send a request; its answer ends the attempt. The caller has checked `hasFreeSlot`. */
  send(attempt: Attempt): void {
    const { method, deadline, phases } = attempt.call;
    const now = performance.now();
    const remainingMs = Math.ceil(deadline - now);
    if (remainingMs <= 0) return attempt.exceed();
    const state = this.#state;
    if (state.name !== "open") return attempt.fail(this.#unavailable(false, "it takes no calls"));
    const { outbox, peer } = state;
    const why = whyUnserved(peer, method);
    if (why) {
      return attempt.refuse("unimplemented", `${this.#address.host}:${this.#address.port} ${why}`);
    }
    // In flight before it is pushed: if that overflows, the connection fails all its attempts.
    this.#add(attempt);
    const fits = outbox.push(attempt.frame(remainingMs), peer.maxFrameBytes);
    if (this.#state.name === "closed") return; // It overflowed.
    if (fits) {
      attempt.outbox = outbox;
      attempt.endsAtByte = outbox.endsAtByte;
      if (outbox.isCongested) this.#release();
      return phases.enter("handler", now);
    }
    this.#attempts.take(attempt.id);
    attempt.id = 0;
    attempt.refuse("invalid_argument", `the request is over ${peer.maxFrameBytes} bytes`);
  }

  drop(attempt: Attempt): void {
    if (!this.#attempts.take(attempt.id)) return;
    // The server frees the slot when it reads this, which is before it reads the next call.
    this.#socket.push(FrameType.cancel, attempt.id);
    this.#release();
  }

  /** Close at once; calls in flight fail with `unavailable`. */
  close(): void {
    this.#socket.close("closed by this side");
  }

  #onSocketOpen(outbox: Outbox): void {
    this.#state = { name: "greeting", outbox };
    const hello: Hello = { ...this.#greeting.hello, nonce: this.#nonce };
    outbox.push({ type: FrameType.hello, body: JSON.stringify(hello) });
  }

  #onFrame(frame: Frame): void {
    const state = this.#state;
    const isGreeted = state.name === "open" || state.name === "leaving";
    if (frame.type === FrameType.response && isGreeted) return this.#onAnswer(frame);
    if (frame.type === FrameType.error) return this.#onAnswer(frame);
    if (frame.type === FrameType.goaway && isGreeted) return this.#onGoAway(frame);
    if (frame.type === FrameType.hello && state.name === "greeting") {
      return this.#onHello(frame, state.outbox);
    }
    if (frame.flags & Flag.optional) return;
    throw new FrameError(`Cannot read frame: type ${frame.type} is unknown or out of place`);
  }

  #onHello(frame: Frame, outbox: Outbox): void {
    const peer = parseHello(frame.body);
    const proof = answerProof(this.#greeting, this.#nonce, peer);
    this.#state = { name: "open", outbox, peer };
    if (proof) outbox.push({ type: FrameType.proof, body: JSON.stringify({ proof }) });
    clearTimeout(this.#handshakeTimer);
    // Jitter: connections that were opened together must not all be replaced at once.
    this.#replaceAt = performance.now() + this.#limits.maxAgeMs * (0.9 + 0.2 * Math.random());
    this.#owner.onOpen(this);
  }

  #onAnswer(frame: Frame): void {
    if (frame.type === FrameType.error && frame.id === 0) {
      const why = refusalText(frame.body);
      throw new FrameError(`Cannot keep the connection: the server says: ${why}`);
    }
    const attempt = this.#attempts.take(frame.id);
    if (!attempt) return; // A late answer: its deadline has passed, or it was cancelled.
    this.#socket.liveness.quietTicks = 0;
    attempt.answer(frame);
    this.#release();
  }

  /** Calls that the server has not begun can go elsewhere at once; it still answers the others. */
  #onGoAway(frame: Frame): void {
    const { lastId, reason } = parseGoAway(frame.body);
    this.#leave();
    this.#owner.onGoAway(this);
    const error = this.#unavailable(false, `the server goes away: ${reason}`);
    for (const attempt of this.#takeAllAfter(lastId)) {
      attempt.isTurnedAway = true;
      attempt.fail(error);
    }
    this.#release();
  }

  #onClose(why: string, cause: unknown): void {
    this.#state = { name: "closed" };
    clearTimeout(this.#handshakeTimer);
    const attempts = this.#takeAllAfter(0);
    this.#owner.onClose(this, this.#unavailable(false, why, cause));
    // The server cannot have begun a request that has not left this process as a whole.
    for (const attempt of attempts) attempt.fail(this.#unavailable(!attempt.isQueued, why, cause));
  }

  #leave(): void {
    if (this.#state.name === "open") this.#state = { ...this.#state, name: "leaving" };
  }

  #add(attempt: Attempt): void {
    do this.#lastId = this.#lastId === MAX_ID ? 1 : this.#lastId + 1;
    while (this.#attempts.get(this.#lastId));
    attempt.id = this.#lastId;
    attempt.holder = this;
    this.#attempts.add(attempt);
  }

  #takeAllAfter(id: number): Attempt[] {
    const attempts = this.#attempts.values().filter((attempt) => attempt.id > id);
    for (const attempt of attempts) this.#attempts.take(attempt.id);
    return attempts;
  }

  #release(): void {
    const state = this.#state;
    if (state.name === "leaving" && this.#attempts.size === 0) this.close();
    if (state.name !== "open") return;
    // While the outbox is congested, calls wait in the pool.
    if (state.outbox.isCongested) state.outbox.whenEmpty(() => this.#release());
    else this.#owner.onRelease(this);
  }

  #unavailable(processed: boolean, why: string, cause?: unknown): RpcError {
    const { host, port } = this.#address;
    const message = `Cannot reach ${host}:${port}: ${why}`;
    return new RpcError("unavailable", message, { cause, processed });
  }
}
