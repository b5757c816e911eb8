import type { Socket, TCPSocketListener } from "bun";
import type { Log } from "../log.ts";
import type { DispatchEntry, DispatchTable } from "./call.ts";
import { Deadlines } from "./deadlines.ts";
import { helloText } from "./hello.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { ServerConnection, type ServerContext } from "./server-connection.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** One table per service. */
  readonly tables: readonly DispatchTable[];
  readonly log: Log;
  readonly limits?: Limits;
}

/** The server's side of the RPC: accepts connections and runs the handlers of its tables. */
export class Listener {
  readonly #connections = new Set<ServerConnection>();
  readonly #server: TCPSocketListener<ServerConnection>;
  #closing: Promise<void> | undefined;

  /** @throws {Error} the address cannot be bound, or two methods have one number */
  constructor(options: ListenerOptions) {
    const { limits = DEFAULT_LIMITS, log } = options;
    const dispatch = byNumber(options.tables);
    const hello = helloText(
      limits,
      Array.from(dispatch.values(), (entry) => entry.method),
    );
    const deadlines = new Deadlines();
    const context: ServerContext = { dispatch, hello, limits, deadlines, log };
    const connections = this.#connections;
    this.#server = Bun.listen<ServerConnection>({
      hostname: options.host,
      port: options.port,
      socket: {
        open(socket: Socket<ServerConnection>) {
          socket.setNoDelay(true);
          socket.data = new ServerConnection(socket, context);
          connections.add(socket.data);
        },
        data: (socket, chunk) => socket.data.onData(chunk),
        drain: (socket) => socket.data.onDrain(),
        close(socket) {
          connections.delete(socket.data);
          socket.data.onClosed();
        },
        // Also where a handler of this very object threw: the stream has lost its place.
        error(socket, error) {
          log.error({ err: error }, "socket failed");
          socket.terminate();
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Accept no more, let running calls finish for up to `graceMs`, then close every connection.
   * A second call changes nothing: it waits for the first.
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
