import { connect, createServer, type Socket } from "node:net";

/** A fixed address in front of servers. It plays a DNS name that moves, or a middlebox. */
export interface Forwarder extends AsyncDisposable {
  readonly port: number;
  /** Send new connections there; open ones stay where they are. */
  moveTo(port: number): void;
  /** Drop all open connections without telling either end. */
  silence(): void;
  /** The number of connections so far. */
  readonly connections: number;
}

export async function startForwarder(firstPort: number): Promise<Forwarder> {
  let target = firstPort;
  let connections = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    connections++;
    const far = connect(target, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("data", (data) => pairs.has(pair) && to.write(data));
      from.on("error", () => from.destroy());
      from.on("close", () => pairs.delete(pair) && to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const silent: Socket[] = [];
  return {
    port: typeof address === "object" && address ? address.port : 0,
    moveTo(port) {
      target = port;
    },
    silence() {
      for (const pair of pairs) silent.push(...pair);
      pairs.clear();
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of [...silent, ...[...pairs].flat()]) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
