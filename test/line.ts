// A proxy to a database that changes what passes through it.
import { connect, createServer, type Socket } from "node:net";

export interface Line extends AsyncDisposable {
  /** The server's URL with the proxy's address. */
  readonly url: string;
}

/** Passes on what one side of a connection sends. Either socket may be written to or destroyed. */
interface Passing {
  /** Bytes of the client. */
  toServer(chunk: Buffer, client: Socket, server: Socket): void;
  /** Bytes of the server. */
  toClient(chunk: Buffer, client: Socket): void;
}

/** @param passingOf is called for each connection */
async function startLine(serverUrl: string, passingOf: () => Passing): Promise<Line> {
  const url = new URL(serverUrl);
  const port = Number(url.port);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(port, url.hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => [client, server].forEach((end) => void end.destroy()));
    }
    const passing = passingOf();
    client.on("data", (chunk: Buffer) => passing.toServer(chunk, client, server));
    server.on("data", (chunk: Buffer) => passing.toClient(chunk, client));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  url.port = `${typeof address === "object" ? address?.port : ""}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

export interface RefusingLine extends Line {
  /** The number of refused statements. */
  readonly refused: number;
}

export interface Refusal {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/**
 * A proxy that refuses a statement itself. It plays servers that refuse it and that are not
 * available for tests.
 * @param part statements that contain this text are refused
 */
export async function startRefusingLine(
  serverUrl: string,
  part: string,
  refusal: Refusal,
): Promise<RefusingLine> {
  let refused = 0;
  const line = await startLine(serverUrl, () => ({
    toServer(chunk, client, server) {
      if (!chunk.includes(part)) return void server.write(chunk);
      refused++;
      client.write(errorPacket(refusal));
    },
    toClient: (chunk, client) => void client.write(chunk),
  }));
  return {
    ...line,
    get refused() {
      return refused;
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

/**
 * A proxy that lets others go first: each request waits until the promise is kept.
 * @param before is called with the bytes of the request
 */
export async function startOvertakenLine(
  serverUrl: string,
  before: (request: Buffer) => Promise<void>,
): Promise<Line> {
  return startLine(serverUrl, () => {
    let passed = Promise.resolve();
    return {
      toServer(chunk, client, server) {
        passed = passed
          .then(() => before(chunk))
          .then(
            () => void server.write(chunk),
            () => void client.destroy(),
          );
      },
      toClient: (chunk, client) => void client.write(chunk),
    };
  });
}

export interface LosingLine extends Line {
  /** The number of lost answers. */
  readonly lost: number;
  /** Lose the answer to the next request that contains this text, and the connection with it. */
  loseAnswerTo(part: string): void;
}

/** A proxy that loses an answer: the database runs the command, and then the connection breaks. */
export async function startLosingLine(serverUrl: string): Promise<LosingLine> {
  let target: string | undefined;
  let lost = 0;
  const line = await startLine(serverUrl, () => {
    let isLosing = false;
    return {
      toServer(chunk, _client, server) {
        if (target !== undefined && chunk.includes(target)) {
          target = undefined;
          isLosing = true;
        }
        server.write(chunk);
      },
      toClient(chunk, client) {
        if (!isLosing) return void client.write(chunk);
        lost++;
        client.destroy();
      },
    };
  });
  return {
    ...line,
    get lost() {
      return lost;
    },
    loseAnswerTo(part) {
      target = part;
    },
  };
}
