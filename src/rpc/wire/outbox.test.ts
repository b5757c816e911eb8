import { expect, setDefaultTimeout, test } from "bun:test";
import { encode } from "../testing/raw-peer.ts";
import { seededRandom, testSeed } from "../testing/seed.ts";
import { FrameType, type OutgoingFrame } from "./frame.ts";
import { Outbox, type Writable } from "./outbox.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const NO_LIMIT = 2 ** 32;

/** A socket that takes of each write as many bytes as its script allows. */
class FakeSocket implements Writable {
  readonly #taken: Buffer[] = [];
  readonly #allow: (offered: number) => number;
  writes = 0;

  constructor(allow: (offered: number) => number = (offered) => offered) {
    this.#allow = allow;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#taken);
  }

  write(data: Uint8Array): number {
    this.writes++;
    const taken = Math.min(data.length, this.#allow(data.length));
    // A copy, like that of the kernel.
    if (taken > 0) this.#taken.push(Buffer.from(data.subarray(0, taken)));
    return taken;
  }
}

function refuseOverflow(): void {
  throw new Error("Cannot overflow in this test");
}

/** setImmediate callbacks run in the order of their calls. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function request(id: number, body: string): OutgoingFrame {
  const metadata = id % 2 === 0 ? `{"requestId":"ö${id}"}` : "";
  return { type: FrameType.request, method: id % 500, id, timeoutMs: id * 7, metadata, body };
}

test("the frames of one turn of the event loop leave in one write", async () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  const frames = Array.from({ length: 100 }, (_, id) => request(id, `{"n":${id}}`));
  for (const frame of frames.slice(0, 50)) outbox.push(frame);
  await Promise.resolve();
  for (const frame of frames.slice(50)) outbox.push(frame);
  expect(socket.writes).toBe(0);
  await endOfTurn();
  expect(socket.writes).toBe(1);
  expect(socket.bytes.equals(Buffer.concat(frames.map(encode)))).toBeTrue();
});

test("during a long turn, every 4 KiB leave at once", async () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  const frames = Array.from({ length: 500 }, (_, id) => request(id, `{"n":${id}}`));
  for (const frame of frames) outbox.push(frame);
  const bytes = Buffer.concat(frames.map(encode));
  expect(socket.writes).toBe(Math.floor(bytes.length / 4096));
  await endOfTurn();
  expect(socket.writes).toBe(Math.ceil(bytes.length / 4096));
  expect(socket.bytes.equals(bytes)).toBeTrue();
});

test("an empty outbox writes nothing", async () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  let wasEmpty = false;
  outbox.whenEmpty(() => {
    wasEmpty = true;
  });
  outbox.drain();
  await endOfTurn();
  expect(socket.writes).toBe(0);
  expect(wasEmpty).toBeTrue();
});

test("every byte arrives once and in order, even if the socket takes few bytes at a time", async () => {
  const random = seededRandom(testSeed("partial writes"));
  let isFull = false;
  const socket = new FakeSocket((offered) => {
    expect(isFull).toBeFalse(); // No write to a full socket before it drains.
    const taken = random() < 0.4 ? offered : Math.floor(random() * Math.min(offered, 20_000));
    isFull = taken < offered;
    return taken;
  });
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  const wanted: Buffer[] = [];
  const drain = () => {
    isFull = false;
    outbox.drain();
  };
  for (let turn = 0; turn < 300; turn++) {
    for (let count = Math.floor(random() * 8); count > 0; count--) {
      const length = Math.floor(random() ** 3 * 30_000);
      const frame = request(wanted.length, "aé日👩".repeat(length / 5));
      outbox.push(frame);
      wanted.push(encode(frame));
    }
    const writesBefore = socket.writes;
    await endOfTurn();
    expect(socket.writes - writesBefore).toBeLessThanOrEqual(1);
    if (isFull && random() < 0.6) drain();
  }
  let wasEmpty = false;
  outbox.whenEmpty(() => {
    wasEmpty = true;
  });
  while (isFull) drain();
  await endOfTurn();
  expect(wasEmpty).toBeTrue();
  expect(socket.bytes.equals(Buffer.concat(wanted))).toBeTrue();
});

test("whenEmpty() waits for the drain of a full socket", async () => {
  let capacity = 10;
  const socket = new FakeSocket(() => capacity);
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  outbox.push(request(1, "{}"));
  let wasEmpty = false;
  outbox.whenEmpty(() => {
    wasEmpty = true;
  });
  await endOfTurn();
  expect(wasEmpty).toBeFalse();
  capacity = 1000;
  outbox.drain();
  expect(wasEmpty).toBeTrue();
});

test("a closed socket gets one write and no more", async () => {
  const socket = new FakeSocket(() => -1);
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  outbox.push(request(1, "{}"));
  await endOfTurn();
  outbox.push(request(2, "x".repeat(100_000)));
  await endOfTurn();
  expect(socket.writes).toBe(1);
});

test("a frame over the limit queues nothing, and those around it leave whole", async () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, NO_LIMIT, refuseOverflow);
  const [before, after] = [request(1, "{}"), request(3, "{}")];
  expect(outbox.push(before, 1000)).toBeTrue();
  expect(outbox.push(request(2, "x".repeat(2000)), 1000)).toBeFalse();
  expect(outbox.push(request(5, "é".repeat(500)), 1000)).toBeFalse(); // 500 units, 1000 bytes.
  expect(outbox.push({ ...request(7, "{}"), metadata: "m".repeat(0x10000) })).toBeFalse();
  expect(outbox.push(after, 1000)).toBeTrue();
  await endOfTurn();
  expect(socket.bytes.equals(Buffer.concat([before, after].map(encode)))).toBeTrue();
});

test("a frame of exactly the limit passes", () => {
  const outbox = new Outbox(new FakeSocket(), NO_LIMIT, refuseOverflow);
  const frame = { type: FrameType.response, id: 1, body: "x".repeat(92) };
  expect(outbox.push(frame, 100)).toBeTrue();
  expect(outbox.push(frame, 99)).toBeFalse();
});

test("onOverflow is called if the peer does not read", async () => {
  let overflows = 0;
  const socket = new FakeSocket(() => 0);
  const outbox = new Outbox(socket, 1000, () => overflows++);
  outbox.push(request(1, "x".repeat(800)));
  await endOfTurn();
  expect(overflows).toBe(0);
  outbox.push(request(3, "x".repeat(800)));
  expect(overflows).toBe(1);
});

test("a turn that produces more than the limit is written at once, and is no overflow", async () => {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, 1000, refuseOverflow);
  const frames = [1, 3, 5].map((id) => request(id, "x".repeat(800)));
  for (const frame of frames) outbox.push(frame);
  await endOfTurn();
  expect(socket.bytes.equals(Buffer.concat(frames.map(encode)))).toBeTrue();
});
