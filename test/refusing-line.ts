// A line to a database that refuses a statement in the server's place, for servers that do so and
// cannot be had here.
import { connect, createServer, type Socket } from "node:net";

export interface RefusingLine extends AsyncDisposable {
  /** The server's URL, with the line's address in it. */
  readonly url: string;
  /** How many statements were refused. */
  readonly refused: number;
}

export interface Refusal {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** @param part what a statement that is refused has in it */
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
