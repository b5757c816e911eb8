import { listenOn } from "./lifecycle.ts";

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
    const bind = () => Bun.listen({ hostname: host, port, socket: { data() {} } });
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
