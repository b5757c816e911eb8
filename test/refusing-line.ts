// A proxy to a database that refuses a statement itself. It plays servers that refuse it and that
// are not available for tests.
import { connect, createServer, type Socket } from "node:net";

export interface RefusingLine extends AsyncDisposable {
  /** The server's URL with the proxy's address. */
  readonly url: string;
  /** The number of refused statements. */
  readonly refused: number;
}

export interface Refusal {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** @param part statements that contain this text are refused */
export async function startRefusingLine(
  serverUrl: string,
  part: string,
  refusal: Refusal,
): Promise<RefusingLine> {
  const url = new URL(serverUrl);
  const port = Number(url.port);
  const sockets = new Set<Socket>();
  let refused = 0;
  const server = createServer((near) => {
    const far = connect(port, url.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => [near, far].forEach((end) => void end.destroy()));
    }
    near.on("data", (chunk) => {
      if (!chunk.includes(part)) return far.write(chunk);
      refused++;
      return near.write(errorPacket(refusal));
    });
    far.on("data", (chunk) => near.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url.port = `${typeof address === "object" ? address?.port : ""}`;
  return {
    url: url.href,
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An ERR_Packet of the protocol 4.1, as the answer to a statement. */
function errorPacket({ errno, sqlState, message }: Refusal): Buffer {
  const text = Buffer.from(`#${sqlState}${message}`);
  const payload = Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), text]);
  const header = Buffer.from([payload.length & 0xff, payload.length >> 8, 0, 1]);
  return Buffer.concat([header, payload]);
}
