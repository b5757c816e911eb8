import type { Socket, TCPSocketListener } from "bun";
import { Deadlines } from "../deadlines.ts";
import { compose, type Interceptors } from "../interceptor.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "../limits.ts";
import { TICK_MS } from "../liveness.ts";
import type { Log } from "../log.ts";
import type { DispatchEntry, DispatchTable } from "../method.ts";
import { helloTemplate } from "../wire/handshake.ts";
import type { ServerContext } from "./calls.ts";
import { ServerConnection } from "./connection.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** One table per service. */
  readonly tables: readonly DispatchTable[];
  readonly log: Log;
  readonly limits?: ServerLimits;
  /** The secret that every client must prove to know; without it, none is asked for. */
  readonly token?: string | undefined;
  /** PEM; without it, no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Said in HELLO, for the logs of the other side. */
  readonly build?: string;
  /** See every call whose handler begins, in this order. */
  readonly interceptors?: Interceptors;
}

const MIN_UNPROVED = 16;
/** While connections that do not greet crowd in, that is said this often. */
const REMINDER_MS = 30_000;

/** The server's side of the RPC: accepts connections and runs the handlers of its tables. */
export class Listener {
  readonly #connections = new Set<ServerConnection>();
  /** Those of them that have not greeted yet, the oldest first. */
  readonly #unproved = new Set<ServerConnection>();
  readonly #log: Log;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  readonly #server: TCPSocketListener<ServerConnection>;
  readonly #ticker: Timer;
  #closing: Promise<void> | undefined;

  /** @throws {Error} the address cannot be bound, or two methods have one number */
  constructor(options: ListenerOptions) {
    const { limits = DEFAULT_LIMITS, log } = options;
    this.#log = log;
    const dispatch = byNumber(options.tables);
    const methods = Array.from(dispatch.values(), (entry) => entry.method);
    const hello = helloTemplate(limits, options.build ?? "", methods);
    const { token, tls } = options;
    const deadlines = new Deadlines();
    const intercept = compose(options.interceptors ?? []);
    const load = { running: 0 };
    const context: ServerContext = {
      dispatch,
      hello,
      token,
      limits,
      deadlines,
      intercept,
      log,
      load,
    };
    const [connections, unproved] = [this.#connections, this.#unproved];
    const maxUnproved = mostUnproved(limits);
    const isClosing = () => this.#closing !== undefined;
    const makeRoom = () => this.#closeOldestUnproved();
    this.#server = Bun.listen<ServerConnection>({
      hostname: options.host,
      port: options.port,
      ...(tls && { tls }),
      socket: {
        open(socket: Socket<ServerConnection>) {
          if (unproved.size >= maxUnproved) makeRoom();
          if (isClosing() || connections.size >= limits.maxServerConnections) {
            return void socket.terminate();
          }
          socket.setNoDelay(true);
          socket.data = new ServerConnection(socket, context, unproved);
          connections.add(socket.data);
        },
        // With it, `open` comes before the TLS handshake, which then has the limits of ours.
        handshake: () => undefined,
        data: (socket, chunk) => socket.data.onData(chunk),
        drain: (socket) => socket.data.onDrain(),
        close({ data }) {
          // One that was refused has none.
          if (connections.delete(data)) data.onClosed();
        },
        // Also where a handler of this very object threw: the stream has lost its place.
        error(socket, error) {
          log.error({ err: error }, "socket failed");
          socket.terminate();
        },
      },
    });
    this.#ticker = setInterval(this.#tick, TICK_MS);
    this.#ticker.unref();
  }

  /** Look for peers that have fallen silent. */
  readonly #tick = (): void => {
    for (const connection of this.#connections) connection.tick();
  };

  /** Whoever opens connections and says nothing must not shut out a client that greets. */
  #closeOldestUnproved(): void {
    const [oldest] = this.#unproved;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs >= REMINDER_MS) {
      this.#warnedAtMs = nowMs;
      const fields = { peer: oldest?.peer, unproved: this.#unproved.size };
      this.#log.warn(fields, "too many connections do not greet: closing the oldest ones");
    }
    oldest?.terminate();
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Accept no more, tell every client to go elsewhere, let running calls finish for up to
   * `graceMs`, then close every connection. A second call changes nothing: it waits for the first.
   */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#server.stop(false);
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.terminate();
    }, graceMs);
    await Promise.all(Array.from(this.#connections, (connection) => connection.drain()));
    clearTimeout(timer);
    clearInterval(this.#ticker);
  }
}

/** Half of all connections at most, but enough for the clients that connect at the same time. */
function mostUnproved({ maxServerConnections, maxUnprovedConnections }: ServerLimits): number {
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
