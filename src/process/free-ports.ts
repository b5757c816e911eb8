import { listenOn } from "./lifecycle.ts";

/**
 * Below the ephemeral ports of Linux (from 32,768 on): the kernel gives those to any connection,
 * also to one that is opened between the choice of a port and its use.
 */
const FIRST_PORT = 22_768;
const LAST_PORT = 32_767;
const ATTEMPTS = 100;

interface Endpoint {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * Choose the port of the HTTP tier, and one for each of `rpcWorkers` TCP servers. This binds all
 * ports for a moment, to find one that is in use: workers that share a port would not notice.
 * @throws {Error} an address cannot be used; the message names the variable to set
 */
export function freePorts(
  http: Endpoint,
  rpc: Endpoint,
  rpcWorkers: number,
): { readonly http: number; readonly rpc: readonly number[] } {
  using probes = new DisposableStack();
  const probe = (prefix: "HTTP" | "RPC", { host, port }: Endpoint): number => {
    const bind = () => (port === 0 ? bindFree(host) : bindTo(host, port));
    const listener = listenOn(prefix, { host, port }, bind);
    probes.defer(() => listener.stop(true));
    return listener.port;
  };
  const { host, port } = rpc;
  return {
    http: probe("HTTP", http),
    rpc: Array.from({ length: rpcWorkers }, (_, index) =>
      probe("RPC", { host, port: port === 0 ? 0 : port + index }),
    ),
  };
}

/** A port of this host that is free, and that no connection takes before it is used. */
export function freePort(host: string): number {
  const listener = bindFree(host);
  listener.stop(true);
  return listener.port;
}

function bindFree(host: string) {
  for (let attempt = 1; ; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    try {
      return bindTo(host, port);
    } catch (error) {
      if (attempt === ATTEMPTS || !isInUse(error)) throw error;
    }
  }
}

const isInUse = (error: unknown) =>
  error instanceof Error && "code" in error && error.code === "EADDRINUSE";

const bindTo = (host: string, port: number) =>
  Bun.listen({ hostname: host, port, socket: { data() {} } });
