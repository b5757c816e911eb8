// A relay that records the frames of a connection, and a hex dump of them.
import { Flag, FrameType } from "../wire/frame.ts";
import { HOST } from "./stack.ts";

/** The bytes of one frame on the socket, its length included. */
export interface TappedFrame {
  readonly from: "client" | "server";
  readonly bytes: Buffer;
}

export interface Tap extends Disposable {
  readonly port: number;
  /** In the order in which they were completed. */
  readonly frames: readonly TappedFrame[];
}

const LENGTH_BYTES = 4;
const BODY_AT = 12;
const REQUEST_BODY_AT = 16;
const BYTES_A_LINE = 16;

/**
 * Relay every connection to `serverPort` and record the frames of both sides. Only for a few small
 * frames: bytes that a socket does not take at once are lost.
 */
export function startTap(serverPort: number): Tap {
  const frames: TappedFrame[] = [];
  const server = Bun.listen<{ upstream: Promise<Bun.Socket<unknown>>; cut: Cutter }>({
    hostname: HOST,
    port: 0,
    socket: {
      open(socket) {
        const cut = cutter("server", frames);
        const upstream = Bun.connect({
          hostname: HOST,
          port: serverPort,
          socket: {
            data(_socket, chunk) {
              cut(chunk);
              socket.write(chunk);
            },
            close() {
              socket.end();
            },
          },
        });
        socket.data = { upstream, cut: cutter("client", frames) };
      },
      async data(socket, chunk) {
        socket.data.cut(chunk);
        const copy = Buffer.from(chunk);
        (await socket.data.upstream).write(copy);
      },
      async close(socket) {
        (await socket.data.upstream).end();
      },
    },
  });
  return { port: server.port, frames, [Symbol.dispose]: () => server.stop(true) };
}

type Cutter = (chunk: Buffer) => void;

/** Cuts by the length alone, so that a bug in the real reader cannot hide. */
function cutter(from: TappedFrame["from"], frames: TappedFrame[]): Cutter {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readUInt32BE(0);
      if (rest.length < end) return;
      frames.push({ from, bytes: Buffer.from(rest.subarray(0, end)) });
      rest = Buffer.from(rest.subarray(end));
    }
  };
}

export function typeOf({ bytes }: TappedFrame): number {
  return bytes.readUInt8(4);
}

/** A frame's fields line by line: offset, bytes, meaning. */
export function dump({ from, bytes }: TappedFrame): string {
  const type = bytes.readUInt8(4);
  const flags = bytes.readUInt8(5);
  const name = nameOf(FrameType, type);
  const lines = [`${from} → ${from === "client" ? "server" : "client"}: ${name}`];
  let at = 0;
  const field = (size: number, meaning: (field: Buffer) => string) => {
    const part = bytes.subarray(at, at + size);
    const hex = part.toString("hex").replace(/(..)(?!$)/g, "$1 ");
    const offset = at.toString(16).padStart(4, "0");
    lines.push(`${offset}  ${hex.padEnd(3 * BYTES_A_LINE)} ${meaning(part)}`);
    at += size;
  };
  const text = (end: number) => {
    while (at < end) {
      field(Math.min(BYTES_A_LINE, end - at), (part) =>
        part.toString("latin1").replace(/[^ -~]/g, "."),
      );
    }
  };
  field(4, (part) => `length: ${part.readUInt32BE()} bytes follow`);
  field(8, (part) => {
    const [method, id] = [part.readUInt16BE(2), part.readUInt32BE(4)];
    return `type ${name}, flags ${flagNames(flags)}, method ${method}, id ${id}`;
  });
  if (type === FrameType.request) field(4, (part) => `remaining time: ${part.readUInt32BE()} ms`);
  if (flags & Flag.metadata) {
    const size = bytes.readUInt16BE(at);
    field(2, () => `metadata: ${size} bytes`);
    text(at + size);
  }
  text(bytes.length);
  return lines.join("\n");
}

/** The body of a frame without metadata. */
export function bodyOf(frame: TappedFrame): Buffer {
  return frame.bytes.subarray(typeOf(frame) === FrameType.request ? REQUEST_BODY_AT : BODY_AT);
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  const name = Object.keys(table).find((key) => table[key] === value);
  return name?.toUpperCase() ?? `${value}`;
}

function flagNames(flags: number): string {
  const names = Object.entries(Flag).filter(([, bit]) => flags & bit);
  return names.map(([name]) => name.toUpperCase()).join(" ") || "0";
}
