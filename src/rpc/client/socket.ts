import type { Socket } from "bun";
import type { Address } from "../address.ts";
import type { PoolLimits } from "../limits.ts";
import { Liveness } from "../liveness.ts";
import { Flag, type Frame, FrameError, FrameReader, FrameType } from "../wire/frame.ts";
import type { Greeting } from "../wire/handshake.ts";
import { Outbox } from "../wire/outbox.ts";

/** What happens on a socket. */
export interface SocketEvents {
  /** TCP is connected and, with TLS, the server's certificate is verified. */
  onOpen(outbox: Outbox): void;
  /** @throws {FrameError} the socket is to be closed */
  onFrame(frame: Frame): void;
  /** Called exactly once, also if the socket was never open. */
  onClose(why: string, cause: unknown): void;
}

/** Frames over TCP, with TLS if the greeting names an authority. Answers PING, and sends it. */
export class FrameSocket {
  readonly #address: Address;
  readonly #limits: PoolLimits;
  readonly #tap: Greeting["tap"];
  readonly #events: SocketEvents;
  readonly #reader: FrameReader;
  readonly liveness: Liveness;
  #socket: Socket<FrameSocket> | undefined;
  #outbox: Outbox | undefined;
  #isClosed = false;

  /** Connect; the events come after the constructor has returned. */
  constructor(
    address: Address,
    limits: PoolLimits,
    { tlsCa, tap }: Pick<Greeting, "tlsCa" | "tap">,
    events: SocketEvents,
  ) {
    this.#address = address;
    this.#limits = limits;
    this.#tap = tap;
    this.#events = events;
    this.#reader = new FrameReader(limits.maxFrameBytes);
    this.liveness = new Liveness(limits.pingIntervalMs, limits.pingTimeoutMs);
    const { host: hostname, port, name } = address;
    const serverName = name === undefined ? {} : { serverName: name };
    const tls = tlsCa !== undefined && { ca: tlsCa, rejectUnauthorized: true, ...serverName };
    const socket = tls ? FrameSocket.#tlsHandlers : FrameSocket.#handlers;
    const options = { hostname, port, data: this, socket, ...(tls && { tls }) };
    // try(): Bun.connect throws if the port is out of range, and rejects for all other reasons.
    Promise.try(() => Bun.connect<FrameSocket>(options)).then(
      (opened) => this.#onConnected(opened),
      (error: unknown) => this.close("connect failed", error),
    );
  }

  /** Once a tick: send a PING if it is time for one, and close if the server stays silent. */
  tick(isIdle: boolean, lastId: number): void {
    const next = this.liveness.tick(isIdle);
    if (next === "close") this.close("the server is silent, or does not read");
    else if (next === "ping") this.push(FrameType.ping, lastId);
  }

  /** Send a frame without a body. */
  push(type: number, id: number): void {
    if (!this.#isClosed) this.#outbox?.push({ type, flags: Flag.optional, id, body: "" });
  }

  close(why: string, cause?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket?.terminate();
    this.#events.onClose(why, cause);
  }

  static readonly #handlers: Bun.SocketHandler<FrameSocket> = {
    open: (socket) => socket.data.#onOpen(socket),
    data: (socket, chunk) => socket.data.#onData(chunk),
    drain: (socket) => socket.data.#onDrain(),
    close: (socket, error) => socket.data.close("connection lost", error),
    error: (socket, error) => socket.data.close("connection lost", error),
  };

  static readonly #tlsHandlers: Bun.SocketHandler<FrameSocket> = {
    ...FrameSocket.#handlers,
    // Bun calls this before the TLS handshake.
    open: () => undefined,
    handshake(socket, isVerified, cause) {
      if (isVerified && !cause) return socket.data.#onOpen(socket);
      const error = new TlsError(cause);
      socket.data.close(error.message, error);
    },
  };

  /** With TLS, its handshake comes next. */
  #onConnected(socket: Socket<FrameSocket>): void {
    this.#socket = socket;
    if (this.#isClosed) socket.terminate();
  }

  #onOpen(socket: Socket<FrameSocket>): void {
    this.#onConnected(socket);
    if (this.#isClosed) return;
    socket.setNoDelay(true);
    const tap = this.#tap;
    this.#outbox = new Outbox(
      socket,
      this.#limits.maxOutgoingBytes,
      () => this.close("the server does not read"),
      tap && ((frame) => tap("sent", frame, this.#address)),
    );
    this.#events.onOpen(this.#outbox);
  }

  #onData(chunk: Buffer): void {
    // If the server does not read, what it sends is no sign of life, unless it is an answer.
    if (!this.#outbox?.isBlocked) this.liveness.quietTicks = 0;
    try {
      this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.close(error.message, error);
    }
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#isClosed) return;
    this.#tap?.("received", frame, this.#address);
    if (frame.type === FrameType.ping) this.push(FrameType.pong, frame.id);
    else this.#events.onFrame(frame);
  };

  #onDrain(): void {
    this.liveness.quietTicks = 0;
    this.#outbox?.drain();
  }
}

/** Why a TLS handshake failed, in words; `cause` is what OpenSSL says. */
export class TlsError extends Error {
  override readonly name = "TlsError";

  constructor(cause: Error | null) {
    const code = cause && "code" in cause ? `${cause.code}` : "";
    const isPlain = cause?.message.includes("WRONG_VERSION_NUMBER") === true;
    const why = isPlain
      ? "the server does not speak TLS, and RPC_TLS_CA is set here"
      : (REASON_BY_TLS_CODE[code] ?? "the server's certificate is not trusted");
    super(`TLS handshake failed: ${why}`, { cause });
  }
}

const NOT_SIGNED = "RPC_TLS_CA has not signed the server's certificate";

/** By the code of the error. */
const REASON_BY_TLS_CODE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_SIGNED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_SIGNED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_SIGNED,
  CERT_SIGNATURE_FAILURE: NOT_SIGNED,
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
};
