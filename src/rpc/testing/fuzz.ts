// Input for fuzzing: frames of a loose grammar, most of them nearly right, and ways to spoil them.
import { Flag, FrameType } from "../wire/frame.ts";
import { encode, helloBody, type RawFrame, uint32 } from "./raw-peer.ts";
import { SAY } from "./stack.ts";

export type Random = () => number;

const MAX_UINT32 = 0xffffffff;
/** Plain numbers: the grammar must not depend on the names in FrameType. */
const PING = 6;
const PONG = 7;
const GOAWAY = 8;
const PROOF = 9;

/** A whole number from 0 up to, not including, `end`. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[below(random, choices.length)];
  if (choice === undefined) throw new RangeError("Cannot pick: nothing to choose from");
  return choice;
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Few different ids, so that they collide: twice the same, a cancelled one, one in use. */
const randomId = (random: Random) => pick(random, [0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, MAX_UINT32]);

const randomBytes = (random: Random, count: number) =>
  Buffer.from(times(count, () => below(random, 256)));

function randomBody(random: Random): string {
  return pick(random, [
    () => '{"text":"echo"}',
    () => '{"text":"echo"}',
    () => JSON.stringify({ text: pick(random, ["late", "hang", "declared", "broken"]) }),
    () => JSON.stringify({ text: "long".repeat(below(random, 5000)) }),
    () => '{"text":42}',
    () => '{"text":"__proto__","__proto__":{"text":1}}',
    () => "",
    () => "null",
    () => '{"text":',
    () => "[".repeat(below(random, 20_000)),
    () => randomBytes(random, below(random, 50)).toString("latin1"),
  ])();
}

function randomHello(random: Random): RawFrame {
  const changes: Record<string, unknown>[] = [
    {},
    {},
    {},
    { versions: [0, 0] },
    { versions: ["1", null] },
    { versions: { length: 2 } },
    { maxFrameBytes: pick(random, [1, 9, 2 ** 53, -1, 1e308]) },
    { maxInFlight: pick(random, [1, 2 ** 53, 0.5, Number.NaN]) },
    { methods: pick<unknown>(random, [null, [], { [SAY.number]: 7 }, { [SAY.number]: "other" }]) },
    { olderShapes: pick<unknown>(random, [null, [], { [SAY.number]: "other" }]) },
    { methods: {}, olderShapes: { [SAY.number]: pick<unknown>(random, [[7], ["other"]]) } },
    { magic: "Portico" },
    { nonce: "no nonce", proof: 5 },
  ];
  const body = random() < 0.9 ? helloBody(pick(random, changes)) : randomBody(random);
  return { type: FrameType.hello, body };
}

function randomError(random: Random): RawFrame {
  const code = pick<unknown>(random, [
    "PasswordError",
    "UserExistedError",
    "unavailable",
    "resource_exhausted",
    "deadline_exceeded",
    "success",
    "constructor",
    "",
    7,
    null,
  ]);
  const retryAfterMs = pick<unknown>(random, [null, 0, 10, -5, 1e300, "soon"]);
  const body = random() < 0.8 ? JSON.stringify({ code, message: "no", retryAfterMs }) : "{";
  return { type: FrameType.error, flags: pick(random, [0, Flag.processed]), body };
}

function randomGoAway(random: Random): RawFrame {
  const lastId = pick<unknown>(random, [0, 1, 3, MAX_UINT32, -1, 1.5, "4", null]);
  const body = random() < 0.8 ? JSON.stringify({ lastId, reason: "fuzz" }) : randomBody(random);
  return { type: GOAWAY, flags: Flag.optional, body };
}

/** Any frame that one of the sides knows, or an unknown one. */
function randomFrame(random: Random): RawFrame {
  const body = () => randomBody(random);
  const frame = pick<() => RawFrame>(random, [
    () => randomHello(random),
    () => ({ type: FrameType.request, method: SAY.number, body: body() }),
    () => ({ type: FrameType.request, method: SAY.number, body: body() }),
    () => ({ type: FrameType.request, method: below(random, 65_536), body: body() }),
    () => ({ type: FrameType.response, body: body() }),
    () => ({ type: FrameType.response, body: body() }),
    () => randomError(random),
    () => ({ type: FrameType.cancel, flags: Flag.optional }),
    () => ({ type: pick(random, [PING, PONG]), flags: Flag.optional }),
    () => randomGoAway(random),
    () => ({ type: PROOF, body: pick(random, ["", '{"proof":""}', '{"proof":"é"}', "[]"]) }),
    () => ({ type: below(random, 256), flags: Flag.optional, body: body() }),
    () => ({ type: below(random, 256), flags: below(random, 256) & ~Flag.metadata }),
  ])();
  return {
    id: randomId(random),
    timeoutMs: pick(random, [0, 1, 20, 200, 5000, MAX_UINT32]),
    metadata: pick(random, ["", "", '{"requestId":"fuzz"}', '{"requestId":{}}', "{", "null"]),
    ...frame,
  };
}

/** The bytes of up to `count` frames. Most streams begin with a good HELLO. */
export function randomFrames(random: Random, count: number): Buffer[] {
  const greeting = random() < 0.8 ? [encode({ type: FrameType.hello, body: helloBody() })] : [];
  return [...greeting, ...times(below(random, count), () => encode(randomFrame(random)))];
}

/** The same frame with a wrong length: too long, too short, or only different. */
function withOtherLength(random: Random, frame: Buffer): Buffer {
  const length = pick(random, [MAX_UINT32, 2 ** 31, 2 ** 20 + 1, 65_537, 7, 0, frame.length]);
  return Buffer.concat([uint32(length), frame.subarray(4)]);
}

/** Spoil whole frames: their order, their number, their length. */
export function shuffleFrames(random: Random, frames: readonly Buffer[]): Buffer[] {
  const spoilt = [...frames];
  for (let left = below(random, 3); left > 0 && spoilt.length > 0; left--) {
    const at = below(random, spoilt.length);
    const frame = spoilt[at] ?? Buffer.alloc(0);
    const instead = pick<() => Buffer[]>(random, [
      () => [frame, frame],
      () => [],
      () => [withOtherLength(random, frame)],
      () => [encode(randomFrame(random)), frame],
    ])();
    spoilt.splice(at, 1, ...instead);
  }
  return spoilt;
}

function withFlippedBit(random: Random, bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const at = below(random, bytes.length);
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << below(random, 8)), at);
  return flipped;
}

/** Spoil bytes anywhere. */
export function spoilBytes(random: Random, bytes: Buffer): Buffer {
  let spoilt = Buffer.from(bytes);
  for (let left = below(random, 4); left > 0 && spoilt.length > 0; left--) {
    const from = below(random, spoilt.length);
    const to = Math.min(spoilt.length, from + 1 + below(random, 40));
    const [head, middle, tail] = [
      spoilt.subarray(0, from),
      spoilt.subarray(from, to),
      spoilt.subarray(to),
    ];
    const instead = pick<() => Buffer[]>(random, [
      () => [middle, middle],
      () => [],
      () => [randomBytes(random, below(random, 100)), middle],
      () => [withFlippedBit(random, middle)],
      () => [withFlippedBit(random, middle)],
    ])();
    spoilt = Buffer.concat([head, ...instead, tail]);
  }
  return random() < 0.1 ? spoilt.subarray(0, below(random, spoilt.length + 1)) : spoilt;
}

/** Cut a stream anywhere: into a few pieces, or sometimes into single bytes. */
export function cut(random: Random, bytes: Buffer): Buffer[] {
  if (random() < 0.05 && bytes.length < 500)
    return Array.from(bytes, (byte) => Buffer.from([byte]));
  const cuts = times(below(random, 8), () => below(random, bytes.length + 1));
  const edges = [0, ...cuts.sort((one, other) => one - other), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}
