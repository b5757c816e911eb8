import type { Socket, TCPSocketListener } from "bun";
import type { Log } from "../log.ts";
import type { DispatchEntry, DispatchTable } from "./call.ts";
import { Deadlines } from "./deadlines.ts";
import { helloTemplate } from "./hello.ts";
import { compose, type Interceptors } from "./interceptor.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
import { TICK_MS } from "./liveness.ts";
import type { ServerContext } from "./server-calls.ts";
import { ServerConnection } from "./server-connection.ts";

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

/** The server's side of the RPC: accepts connections and runs the handlers of its tables. */
export class Listener {
  readonly #connections = new Set<ServerConnection>();
  readonly #server: TCPSocketListener<ServerConnection>;
  readonly #ticker: Timer;
  #closing: Promise<void> | undefined;

  /** @throws {Error} the address cannot be bound, or two methods have one number */
  constructor(options: ListenerOptions) {
    const { limits = DEFAULT_LIMITS, log } = options;
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
    const connections = this.#connections;
    const isClosing = () => this.#closing !== undefined;
    this.#server = Bun.listen<ServerConnection>({
      hostname: options.host,
      port: options.port,
      ...(tls && { tls }),
      socket: {
        open(socket: Socket<ServerConnection>) {
          if (isClosing() || connections.size >= limits.maxServerConnections) {
            return void socket.terminate();
          }
          socket.setNoDelay(true);
          socket.data = new ServerConnection(socket, context);
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
