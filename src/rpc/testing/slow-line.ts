import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { HOST } from "./stack.ts";

export interface SlowLine extends Disposable {
  readonly port: number;
  /** How many connections it has carried. */
  readonly connections: number;
}

const TICK_MS = 20;
/** No more than this is taken off one end before the other has it: who sends must feel the line. */
const MAX_HELD_BYTES = 64 * 1024;

/** A line to a server that lets no more than so many bytes a second through, each way. */
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
  // A line that breaks at one end is broken at the other.
  from.on("error", () => to.destroy());
  from.on("close", () => {
    clearInterval(timer);
    to.destroy();
  });
}
