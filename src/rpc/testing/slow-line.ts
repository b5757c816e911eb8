import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { HOST } from "./stack.ts";

export interface SlowLine extends Disposable {
  readonly port: number;
  /** How many connections there have been. */
  readonly connections: number;
}

const TICK_MS = 20;
/** The line holds at most this many bytes: the sender must notice that it is slow. */
const MAX_HELD_BYTES = 64 * 1024;

/** A relay to a server that passes at most `bytesPerSecond` in each direction. */
export async function startSlowLine(serverPort: number, bytesPerSecond: number): Promise<SlowLine> {
  const bytesPerTick = Math.ceil((bytesPerSecond * TICK_MS) / 1000);
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(serverPort, HOST);
    sockets.push(near, far);
    trickle(near, far, bytesPerTick);
    trickle(far, near, bytesPerTick);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("Cannot listen: no address");
  return {
    port: address.port,
    get connections() {
      return sockets.length / 2;
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function trickle(from: Socket, to: Socket, bytesPerTick: number): void {
  let held = Buffer.alloc(0);
  const timer = setInterval(() => {
    to.write(held.subarray(0, bytesPerTick));
    held = held.subarray(bytesPerTick);
    if (held.length < MAX_HELD_BYTES) from.resume();
  }, TICK_MS);
  from.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (held.length >= MAX_HELD_BYTES) from.pause();
  });
  // If one end breaks, so does the other.
  from.on("error", () => to.destroy());
  from.on("close", () => {
    clearInterval(timer);
    to.destroy();
  });
}
