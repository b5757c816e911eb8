import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { parseObject } from "../json.ts";
import { encode, helloBody, type RawFrame, RawPeer, uint32 } from "../testing/raw-peer.ts";
import { eventually, SAY, startServer, type TestServer, type Text } from "../testing/stack.ts";
import { Stopwatch } from "../testing/stopwatch.ts";
import { FrameType } from "../wire/frame.ts";
import { proofOf } from "../wire/proof.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
/** Far longer than a reply takes on one machine. */
const AT_ONCE_MS = 1000;
const MAX_GREETING_BYTES = 16_384;
const MAX_FRAME_BYTES = 1_048_576;
const TOKEN = "correct horse battery staple";
const HELLO = { type: FrameType.hello, body: helloBody() };
const ECHO = async (request: Text) => request;

function request(id: number, text: string): RawFrame {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id, timeoutMs: LONG_MS, body: JSON.stringify({ text }) };
}

/** Fill up the JSON of a frame until its length field is `bytes`. */
function filled(frame: RawFrame, bytes: number): RawFrame {
  const { body = "" } = frame;
  const missing = bytes - (encode(frame).length - uint32(0).length);
  return { ...frame, body: `{${" ".repeat(missing)}${body.slice(1)}` };
}

/** Send a whole frame as fast as the socket takes it. */
async function sendAll(peer: RawPeer, frame: RawFrame): Promise<void> {
  for (let left = encode(frame); left.length > 0 && !peer.isClosed; await Bun.sleep(1)) {
    left = left.subarray(Math.max(0, peer.socket?.write(left) ?? 0));
  }
}

/** Exchange HELLO. Returns the PROOF that the server asks for. */
async function greet(peer: RawPeer, hello: RawFrame): Promise<RawFrame> {
  peer.send(hello);
  const { body } = await peer.frame(FrameType.hello);
  const [client = "", server = ""] = [HELLO.body, body].map((text) => {
    const nonce = parseObject(text)?.nonce;
    return typeof nonce === "string" ? nonce : "";
  });
  const proof = proofOf(TOKEN, "client", { client, server });
  return { type: FrameType.proof, body: JSON.stringify({ proof }) };
}

/** The first bytes of a frame are enough for the server to refuse and close. */
async function expectTooLong(server: TestServer, peer: RawPeer, bytes: number): Promise<void> {
  peer.write(encode(filled(HELLO, bytes)).subarray(0, 12));
  const { id, body } = await peer.frame(FrameType.error);
  expect([id, parseObject(body)?.code]).toEqual([0, "invalid_argument"]);
  expect(body).toContain(`${bytes} bytes`);
  await peer.closed.promise;
  await eventually(() => server.listener.connections === 0);
}

describe("a frame of a peer that may not call yet", () => {
  test("is refused if it is over 16 KiB and comes before HELLO", async () => {
    await using server = startServer(ECHO);
    using peer = await RawPeer.connect(server.port);
    await expectTooLong(server, peer, MAX_GREETING_BYTES + 1);
  });

  test("is refused if it is over 16 KiB and comes before PROOF", async () => {
    await using server = startServer(ECHO, { token: TOKEN });
    using peer = await RawPeer.connect(server.port);
    await greet(peer, HELLO);
    await expectTooLong(server, peer, MAX_GREETING_BYTES + 1);
  });

  test("is also refused by a smaller maxFrameBytes", async () => {
    await using server = startServer(ECHO, { limits: { maxFrameBytes: 1000 } });
    using peer = await RawPeer.connect(server.port);
    await expectTooLong(server, peer, 1001);
  });

  test.each([
    ["HELLO", undefined],
    ["HELLO and PROOF", TOKEN],
  ])("may have 16 KiB, and one after %s up to maxFrameBytes", async (_, token) => {
    await using server = startServer(ECHO, { token });
    using peer = await RawPeer.connect(server.port);
    const proof = await greet(peer, filled(HELLO, MAX_GREETING_BYTES));
    if (token) peer.send(filled(proof, MAX_GREETING_BYTES));
    await sendAll(peer, filled(request(1, "a"), MAX_FRAME_BYTES));
    expect((await peer.frame(FrameType.response, 1)).body).toBe('{"text":"a"}');
    await expectTooLong(server, peer, MAX_FRAME_BYTES + 1);
  });

  test("may be longer from the chunk on that holds HELLO", async () => {
    await using server = startServer(ECHO);
    using peer = await RawPeer.connect(server.port);
    peer.send(HELLO, filled(request(1, "a"), 2 * MAX_GREETING_BYTES));
    await peer.frame(FrameType.response, 1);
  });
});

describe("maxServerConnections", () => {
  const limits = { maxServerConnections: 3 };

  test("closes a further connection at once, and the others still serve", async () => {
    await using server = startServer(ECHO, { limits });
    const peers = await Promise.all([1, 2, 3].map(() => RawPeer.greet(server.port)));
    for (let n = 0; n < 3; n++) {
      using stopwatch = new Stopwatch();
      using more = await RawPeer.connect(server.port);
      more.send(HELLO);
      await eventually(() => more.isClosed);
      expect(more.frames).toEqual([]);
      expect(stopwatch.ms).toBeLessThan(AT_ONCE_MS);
    }
    expect(server.listener.connections).toBe(3);
    for (const peer of peers) {
      peer.send(request(1, "a"));
      await peer.frame(FrameType.response, 1);
    }
    expect(server.logged).toEqual([]);
    for (const peer of peers) peer[Symbol.dispose]();
  });

  test("has room again after a connection ends in any way", async () => {
    await using server = startServer(ECHO, { limits: { ...limits, handshakeTimeoutMs: 300 } });
    for (let n = 0; n < 3; n++) {
      using reset = await RawPeer.greet(server.port);
      using refused = await RawPeer.greet(server.port);
      using _silent = await RawPeer.connect(server.port);
      await eventually(() => server.listener.connections === 3);
      using more = await RawPeer.connect(server.port);
      more.send(HELLO);
      await eventually(() => more.isClosed);
      expect(more.frames).toEqual([]);
      reset.socket?.terminate();
      refused.send({ type: 99 });
      await eventually(() => server.listener.connections === 0);
    }
    using peer = await RawPeer.greet(server.port);
    peer.send(request(1, "a"));
    await peer.frame(FrameType.response, 1);
  });
});
