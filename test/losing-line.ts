// A proxy to a database that loses the answer to a command: the database runs the command, and then
// the connection breaks.
import { connect, createServer, type Socket } from "node:net";

export interface LosingLine extends AsyncDisposable {
  /** The server's URL with the proxy's address. */
  readonly url: string;
  /** The number of lost answers. */
  readonly lost: number;
  /** Lose the answer to the next request that contains this text, and the connection with it. */
  loseAnswerTo(part: string): void;
}

export async function startLosingLine(serverUrl: string): Promise<LosingLine> {
  const url = new URL(serverUrl);
  const port = Number(url.port);
  const sockets = new Set<Socket>();
  let target: string | undefined;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(port, url.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => [near, far].forEach((end) => void end.destroy()));
    }
    let isLosing = false;
    near.on("data", (chunk) => {
      if (target !== undefined && chunk.includes(target)) {
        target = undefined;
        isLosing = true;
      }
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (!isLosing) return near.write(chunk);
      lost++;
      return near.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url.port = `${typeof address === "object" ? address?.port : ""}`;
  return {
    url: url.href,
    get lost() {
      return lost;
    },
    loseAnswerTo(part) {
      target = part;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
