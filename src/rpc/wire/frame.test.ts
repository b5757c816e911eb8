import { expect, setDefaultTimeout, test } from "bun:test";
import { encode, uint32 } from "../testing/raw-peer.ts";
import { seededRandom, testSeed } from "../testing/seed.ts";
import { failure, startClient, startServer } from "../testing/stack.ts";
import { startTap, typeOf } from "../testing/wire-tap.ts";
import { bytesOf, Flag, type Frame, FrameError, FrameReader, FrameType } from "./frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const MAX_FRAME_BYTES = 1000;

const HELLO = { type: FrameType.hello, flags: 0, method: 0, id: 0, timeoutMs: 0, metadata: "" };

const FRAMES: readonly Frame[] = [
  { ...HELLO, body: '{"magic":"portico"}' },
  {
    type: FrameType.request,
    flags: Flag.metadata,
    method: 0xfffe,
    id: 0xfffffffe,
    timeoutMs: 0xfffffffd,
    metadata: '{"requestId":"ünïcödé"}',
    body: '{"nickname":"日本語 👩‍👩‍👧 ñ"}',
  },
  { ...HELLO, type: FrameType.response, id: 3, body: "" },
  { ...HELLO, type: FrameType.error, flags: Flag.processed, id: 4, body: "é".repeat(400) },
  { ...HELLO, type: FrameType.request, method: 1, id: 5, timeoutMs: 1, body: "{}" },
];

const BYTES = Buffer.concat(FRAMES.map(encode));

function read(chunks: Iterable<Buffer>): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(MAX_FRAME_BYTES);
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
  return frames;
}

function* cut(bytes: Buffer, nextBytes: () => number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + nextBytes());
    // A copy, since a socket may reuse the chunk before its frame is complete.
    const chunk = Buffer.from(bytes.subarray(at, end));
    yield chunk;
    chunk.fill(0xff);
    at = end;
  }
}

test("many frames in one chunk come out whole and in order", () => {
  expect(read([BYTES])).toEqual([...FRAMES]);
});

test("one byte at a time gives the same frames, multi-byte text included", () => {
  expect(read(cut(BYTES, () => 1))).toEqual([...FRAMES]);
});

test("every single cut gives the same frames", () => {
  for (let at = 1; at < BYTES.length; at++) {
    expect(read([BYTES.subarray(0, at), BYTES.subarray(at)])).toEqual([...FRAMES]);
  }
});

test("random cuts of a long stream give the same frames", () => {
  const random = seededRandom(testSeed("frame cuts"));
  const wanted = Array.from({ length: 100 }, () => FRAMES).flat();
  const bytes = Buffer.concat(wanted.map(encode));
  for (const scale of [10, 300, 3000]) {
    expect(read(cut(bytes, () => 1 + Math.floor(random() * scale)))).toEqual(wanted);
  }
});

test("a frame of exactly the limit is read, one byte more is refused", () => {
  const withBody = (length: number) => encode({ ...HELLO, body: "x".repeat(length) });
  expect(read([withBody(MAX_FRAME_BYTES - 8)])).toHaveLength(1);
  expect(() => read([withBody(MAX_FRAME_BYTES - 7)])).toThrow(FrameError);
});

test.each([
  ["oversize", MAX_FRAME_BYTES + 1],
  ["absurd", 0xffffffff],
  ["too short", 7],
  ["zero", 0],
])("a length that is %s is refused after its four bytes, in one chunk or several", (_, length) => {
  const prefix = uint32(length);
  expect(() => read([prefix])).toThrow(FrameError);
  expect(() => read(cut(prefix, () => 1))).toThrow(FrameError);
  expect(() => read([Buffer.concat([BYTES, prefix])])).toThrow(FrameError);
});

test("frames before a bad length are passed on", () => {
  const frames: Frame[] = [];
  const reader = new FrameReader(MAX_FRAME_BYTES);
  const bytes = Buffer.concat([BYTES, uint32(0)]);
  expect(() => reader.push(bytes, (frame) => frames.push(frame))).toThrow(FrameError);
  expect(frames).toEqual([...FRAMES]);
});

test("metadata that is longer than its frame is refused, not read from the next one", () => {
  const good = encode({ ...HELLO, metadata: "{}", body: "" });
  const tooLong = Buffer.from(good);
  tooLong.writeUInt16BE(3, 12);
  expect(() => read([Buffer.concat([tooLong, BYTES])])).toThrow(FrameError);
  const noRoomForItsLength = encode({ ...HELLO, flags: Flag.metadata, body: "x" });
  expect(() => read([Buffer.concat([noRoomForItsLength, BYTES])])).toThrow(FrameError);
});

test("a REQUEST without room for its remaining time is refused", () => {
  const frame = encode({ ...HELLO, body: "abc" });
  frame.writeUInt8(FrameType.request, 4);
  expect(() => read([Buffer.concat([frame, BYTES])])).toThrow(FrameError);
});

test("a tap gets the frames that are on the wire, in both directions", async () => {
  const token = "a secret of both sides";
  await using server = startServer(async (request) => request, { token });
  using wire = startTap(server.port);
  const heard: object[] = [];
  using client = startClient(
    wire.port,
    { minIdle: 0 },
    {
      token,
      tap: (direction, frame, { port }) => {
        expect(port).toBe(wire.port);
        const from = direction === "sent" ? "client" : "server";
        heard.push({ from, type: frame.type, bytes: bytesOf(frame) });
      },
    },
  );
  for (const text of ["short", "日本語 ü".repeat(100)]) await client.say(text);
  await failure(client.say("too late", 0));
  expect(heard).toHaveLength(7);
  expect(heard).toEqual(
    wire.frames.map((frame) => {
      return { from: frame.from, type: typeOf(frame), bytes: frame.bytes.length };
    }),
  );
});
