import type { Socket, TCPSocketListener } from "bun";
import { Deadlines } from "../deadlines.ts";
import { compose, type Interceptors } from "../interceptor.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "../limits.ts";
import { TICK_MS } from "../liveness.ts";
import type { Log } from "../log.ts";
import type { DispatchEntry, DispatchTable } from "../method.ts";
import { serverHello } from "../wire/handshake.ts";
import type { Tokens } from "../wire/proof.ts";
import type { ServerContext } from "./calls.ts";
import { ServerConnection } from "./connection.ts";
import { noneRefused, type RefusedCounts } from "./refused-counts.ts";

/** What can be renewed while the listener is open. */
export interface Secrets {
  /**
   * The secrets that clients must prove to know. If "http" has none, a client whose caller has none
   * is let in as "http"; else it is refused.
   */
  readonly tokens?: Tokens;
  /** PEM. If unset, no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

export interface ListenerOptions extends Secrets {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** One table per service. */
  readonly tables: readonly DispatchTable[];
  readonly log: Log;
  readonly limits?: ServerLimits;
  /** Sent in HELLO, for the logs of the clients. */
  readonly build?: string;
  /** They see every call of a known method, in this order. */
  readonly interceptors?: Interceptors;
}

export interface ListenerCounts {
  /** Unproved ones may not call yet. */
  readonly connections: Readonly<Record<"open" | "unproved", number>>;
  /** Handlers that run, including those whose caller has given up. */
  readonly handlers: number;
  readonly refused: RefusedCounts;
}

/**
 * Suites of TLS 1.2 with forward secrecy and authenticated encryption. By default, Bun also accepts
 * CBC, and RSA without forward secrecy. All suites of TLS 1.3, which is preferred, are good.
 */
const TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20";
const MIN_UNPROVED = 16;
/** The shortest time between two warnings of connections that do not greet. */
const REMINDER_MS = 30_000;
/** How long to wait before listening again if neither certificate could be used. */
const RELISTEN_MS = 250;

/** The server's side of the RPC: accepts connections and runs the handlers of its tables. */
export class Listener {
  readonly #connections = new Set<ServerConnection>();
  /** The connections that may not call yet, the oldest first. */
  readonly #unproved = new Set<ServerConnection>();
  readonly #context: ServerContext;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  readonly #host: string;
  #tls: Secrets["tls"];
  #server: TCPSocketListener<ServerConnection>;
  readonly #port: number;
  /** Runs while nothing listens. */
  #relisten: Timer | undefined;
  readonly #ticker: Timer;
  #closing: Promise<void> | undefined;

  /** @throws {Error} the address cannot be bound, or two methods have the same number */
  constructor(options: ListenerOptions) {
    const { host, port, tables, log, tokens = new Map(), tls, build = "" } = options;
    const { limits = DEFAULT_LIMITS, interceptors = [] } = options;
    const dispatch = byNumber(tables);
    const methods = Array.from(dispatch.values(), ({ method }) => method);
    this.#context = {
      dispatch,
      hello: serverHello(limits, build, methods),
      tokens,
      limits,
      deadlines: new Deadlines(),
      intercept: compose(interceptors),
      log,
      load: { running: 0 },
      refused: noneRefused(),
    };
    this.#host = host;
    this.#tls = tls;
    this.#server = this.#listen(port);
    this.#port = this.#server.port;
    this.#ticker = setInterval(() => {
      for (const connection of this.#connections) connection.tick();
    }, TICK_MS);
    this.#ticker.unref();
  }

  #listen(port: number): TCPSocketListener<ServerConnection> {
    const { log } = this.#context;
    const tls = this.#tls;
    return Bun.listen<ServerConnection>({
      hostname: this.#host,
      port,
      ...(tls && { tls: { ...tls, ciphers: TLS12_CIPHERS } }),
      socket: {
        open: (socket) => this.#accept(socket),
        // With this handler, `open` comes before the TLS handshake: our own limits apply to it.
        handshake: () => undefined,
        data: (socket, chunk) => socket.data.onData(chunk),
        drain: (socket) => socket.data.onDrain(),
        close: ({ data }) => {
          // A socket that was refused has no connection.
          if (this.#connections.delete(data)) data.onClosed();
        },
        // Bun also calls this if one of these handlers throws. The stream cannot be resumed.
        error(socket, error) {
          log.error({ err: error }, "socket failed");
          socket.terminate();
        },
      },
    });
  }

  #accept(socket: Socket<ServerConnection>): void {
    const { limits } = this.#context;
    if (this.#unproved.size >= maxUnproved(limits)) this.#closeOldestUnproved();
    if (this.#closing || this.#connections.size >= limits.maxServerConnections) {
      this.#context.refused.connections.limit++;
      socket.terminate();
      return;
    }
    socket.setNoDelay(true);
    socket.data = new ServerConnection(socket, this.#context, this.#unproved);
    this.#connections.add(socket.data);
  }

  /** Connections that stay silent must not shut out a client that greets. */
  #closeOldestUnproved(): void {
    const [oldest] = this.#unproved;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs >= REMINDER_MS) {
      this.#warnedAtMs = nowMs;
      const fields = { peer: oldest?.peer, unproved: this.#unproved.size };
      this.#context.log.warn(fields, "too many connections do not greet: closing the oldest ones");
    }
    this.#context.refused.connections.not_greeted++;
    oldest?.terminate();
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** What the listener has at the moment, and what it has refused. */
  get counts(): ListenerCounts {
    const unproved = this.#unproved.size;
    return {
      connections: { open: this.#connections.size - unproved, unproved },
      handlers: this.#context.load.running,
      refused: this.#context.refused,
    };
  }

  /**
   * Use these from now on. A client whose token is gone is sent away when its running calls have
   * ended. All others keep their connections, and see a new certificate when they connect again.
   * @throws {Error} the certificate and the key cannot be used: the old ones stay in use
   */
  renew({ tokens = new Map(), tls }: Secrets): void {
    if (tls?.cert !== this.#tls?.cert || tls?.key !== this.#tls?.key) this.#listenWith(tls);
    this.#context.tokens = tokens;
    for (const connection of this.#connections) {
      if (!connection.isWelcome) void connection.drain("the token is not valid any more");
    }
  }

  /** Listen anew: Bun has no other way to change the certificate. Open connections stay open. */
  #listenWith(tls: Secrets["tls"]): void {
    const old = this.#tls;
    clearTimeout(this.#relisten);
    this.#server.stop(false);
    this.#tls = tls;
    try {
      this.#server = this.#listen(this.#port);
    } catch (error) {
      this.#tls = old;
      this.#listenAgain();
      throw error;
    }
  }

  /** Another process may have taken the port in between, or no descriptor is free. */
  #listenAgain(): void {
    if (this.#closing) return;
    try {
      this.#server = this.#listen(this.#port);
    } catch (err) {
      this.#context.log.error({ err }, "cannot listen again: trying until it works");
      this.#relisten = setTimeout(() => this.#listenAgain(), RELISTEN_MS);
    }
  }

  /**
   * Accept no more connections, send GOAWAY on all, let running calls finish for up to `graceMs`,
   * then close every connection. A second call only waits for the first.
   */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#server.stop(false);
    clearTimeout(this.#relisten);
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.terminate();
    }, graceMs);
    await Promise.all(Array.from(this.#connections, (connection) => connection.drain()));
    clearTimeout(timer);
    clearInterval(this.#ticker);
  }
}

/** At most half of all connections, but enough for clients that connect at the same time. */
function maxUnproved({ maxServerConnections, maxUnprovedConnections }: ServerLimits): number {
  const half = Math.floor(maxServerConnections / 2);
  return Math.min(maxUnprovedConnections, Math.max(MIN_UNPROVED, half));
}

function byNumber(tables: readonly DispatchTable[]): ReadonlyMap<number, DispatchEntry> {
  const entries = new Map<number, DispatchEntry>();
  for (const entry of tables.flat()) {
    const { number, name } = entry.method;
    const holder = entries.get(number);
    if (holder) throw new Error(`Cannot serve ${name}: ${holder.method.name} has its number`);
    entries.set(number, entry);
  }
  return entries;
}
