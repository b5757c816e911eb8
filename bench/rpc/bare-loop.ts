// The ceiling: frames of length, id and JSON on one connection. The writes of one turn of the event
// loop are joined. It has no HELLO, validation, deadline, limit or error, and loses the rest of a
// partial write.

import { type Contender, HOST, PROFILE, SESSION_ID } from "./contender.ts";

const HEADER_BYTES = 8;

/** Splits incoming bytes into frames and joins outgoing frames. */
class Framed {
  readonly #socket: { write(data: Uint8Array): number };
  readonly #onFrame: (id: number, body: string) => void;
  #partial = Buffer.alloc(0);
  #waiting: Buffer[] = [];

  constructor(
    socket: { write(data: Uint8Array): number },
    onFrame: (id: number, body: string) => void,
  ) {
    this.#socket = socket;
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    const data = this.#partial.length > 0 ? Buffer.concat([this.#partial, chunk]) : chunk;
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + data.readUInt32BE(at);
      if (end > data.length) break;
      this.#onFrame(data.readUInt32BE(at + 4), data.toString("utf8", at + HEADER_BYTES, end));
      at = end;
    }
    this.#partial = Buffer.from(data.subarray(at));
  }

  send(id: number, body: unknown): void {
    const text = JSON.stringify(body);
    const frame = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
    frame.writeUInt32BE(frame.length - HEADER_BYTES, 0);
    frame.writeUInt32BE(id, 4);
    frame.write(text, HEADER_BYTES);
    if (this.#waiting.push(frame) > 1) return;
    setImmediate(() => {
      this.#socket.write(Buffer.concat(this.#waiting));
      this.#waiting = [];
    });
  }
}

export const bareLoop: Contender = {
  async serve() {
    return Bun.listen<Framed>({
      hostname: HOST,
      port: 0,
      socket: {
        open(socket) {
          const framed = new Framed(socket, (id, body) => {
            JSON.parse(body);
            framed.send(id, PROFILE);
          });
          socket.data = framed;
        },
        data: (socket, chunk) => socket.data.push(chunk),
      },
    });
  },

  async connect(port) {
    const pending = new Map<number, (username: string) => void>();
    let lastId = 0;
    const socket = await Bun.connect<Framed>({
      hostname: HOST,
      port,
      socket: {
        open(opened) {
          opened.data = new Framed(opened, (id, body) => {
            pending.get(id)?.(JSON.parse(body).username);
            pending.delete(id);
          });
        },
        data: (opened, chunk) => opened.data.push(chunk),
      },
    });
    return () =>
      new Promise((resolve) => {
        const id = ++lastId;
        pending.set(id, resolve);
        socket.data.send(id, { sessionId: SESSION_ID });
      });
  },
};
