// A scriptable peer for either side. It has its own encoder, so that a bug in the real one cannot
// hide.
import type { Socket } from "bun";
import { Flag, type Frame, FrameReader, FrameType } from "../wire/frame.ts";
import { eventually, HOST, SAY } from "./stack.ts";

export interface RawFrame extends Partial<Frame> {
  readonly type: number;
}

export function encode({
  type,
  flags = 0,
  method = 0,
  id = 0,
  timeoutMs = 0,
  metadata,
  body = "",
}: RawFrame): Buffer {
  const typeAndFlags = [type, metadata ? flags | Flag.metadata : flags];
  const parts: Uint8Array[] = [Buffer.from(typeAndFlags), uint16(method), uint32(id)];
  if (type === FrameType.request) parts.push(uint32(timeoutMs));
  if (metadata) parts.push(uint16(Buffer.byteLength(metadata)), Buffer.from(metadata));
  const inside = Buffer.concat([...parts, Buffer.from(body)]);
  return Buffer.concat([uint32(inside.length), inside]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint16(value: number): Buffer {
  return uint32(value).subarray(2);
}

export function helloBody(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    magic: "portico",
    versions: [1, 1],
    maxFrameBytes: 65_536,
    maxInFlight: 100,
    build: "test",
    nonce: "00112233445566778899aabbccddeeff",
    methods: { [SAY.number]: SAY.hash },
    ...changes,
  });
}

/** One raw connection of either side. */
export class RawPeer implements Disposable {
  readonly frames: Frame[] = [];
  readonly closed = Promise.withResolvers<void>();
  isClosed = false;
  onFrame: (frame: Frame, peer: RawPeer) => void = () => undefined;
  onBytes: (bytes: Buffer) => void = () => undefined;
  socket: Socket<RawPeer> | undefined;
  readonly #reader = new FrameReader(2 ** 24);

  /** Connect to a server without sending anything. */
  static async connect(port: number): Promise<RawPeer> {
    const peer = new RawPeer();
    await Bun.connect({ hostname: HOST, port, data: peer, socket: RAW_HANDLERS });
    return peer;
  }

  /** Connect and exchange HELLO. */
  static async greet(port: number, changes: Record<string, unknown> = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    peer.send({ type: FrameType.hello, body: helloBody(changes) });
    await peer.frame(FrameType.hello);
    return peer;
  }

  send(...frames: RawFrame[]): void {
    this.write(Buffer.concat(frames.map(encode)));
  }

  write(bytes: Buffer | string): void {
    this.socket?.write(bytes);
  }

  /** Wait for the first frame of this type. */
  async frame(type: number, id?: number): Promise<Frame> {
    const isIt = (frame: Frame) => frame.type === type && (id === undefined || frame.id === id);
    await eventually(() => this.frames.some(isIt));
    const frame = this.frames.find(isIt);
    if (!frame) throw new Error(`Cannot find a frame of type ${type}`);
    return frame;
  }

  onData(chunk: Buffer): void {
    this.onBytes(chunk);
    this.#reader.push(chunk, (frame) => {
      this.frames.push(frame);
      this.onFrame(frame, this);
    });
  }

  onClosed(): void {
    this.isClosed = true;
    this.closed.resolve();
  }

  [Symbol.dispose](): void {
    this.socket?.terminate();
  }
}

const RAW_HANDLERS: Bun.SocketHandler<RawPeer> = {
  open(socket) {
    socket.data.socket = socket;
  },
  data: (socket, chunk) => socket.data.onData(chunk),
  close: (socket) => socket.data.onClosed(),
};

export interface FakeServer extends Disposable {
  readonly port: number;
  readonly peers: RawPeer[];
  /** Called for each new connection. */
  onOpen: (peer: RawPeer) => void;
}

/** A server whose frames the test handles. */
export function startFakeServer(onFrame: (frame: Frame, peer: RawPeer) => void): FakeServer {
  const peers: RawPeer[] = [];
  const server = Bun.listen<RawPeer>({
    hostname: HOST,
    port: 0,
    socket: {
      ...RAW_HANDLERS,
      open(socket: Socket<RawPeer>) {
        socket.data = new RawPeer();
        socket.data.socket = socket;
        socket.data.onFrame = onFrame;
        peers.push(socket.data);
        fake.onOpen(socket.data);
      },
    },
  });
  const fake: FakeServer = {
    port: server.port,
    peers,
    onOpen: () => undefined,
    [Symbol.dispose]: () => server.stop(true),
  };
  return fake;
}

/** A server that exchanges HELLO, and whose requests the test handles. */
export function startFakeAnswerer(onRequest: (frame: Frame, peer: RawPeer) => void): FakeServer {
  return startFakeServer((frame, peer) => {
    if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body: helloBody() });
    if (frame.type === FrameType.request) onRequest(frame, peer);
  });
}
