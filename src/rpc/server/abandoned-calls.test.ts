import { expect, setDefaultTimeout, test } from "bun:test";
import { parseObject } from "../json.ts";
import { Gate } from "../testing/gate.ts";
import { type RawFrame, RawPeer } from "../testing/raw-peer.ts";
import { eventually, SAY, startServer } from "../testing/stack.ts";
import { Flag, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const MAX_RUNNING = 5;
const IDS = [1, 2, 3, 4, 5];

function request(id: number, text: string, timeoutMs = LONG_MS): RawFrame {
  const { request: type } = FrameType;
  return { type, method: SAY.number, id, timeoutMs, body: JSON.stringify({ text }) };
}

test.each<[string, number, (peer: RawPeer) => unknown]>([
  [
    "have cancelled them",
    LONG_MS,
    (peer) => peer.send(...IDS.map((id) => ({ type: FrameType.cancel, flags: Flag.optional, id }))),
  ],
  ["have reached their deadlines", 20, () => undefined],
  ["are gone", LONG_MS, (peer) => peer.socket?.terminate()],
  ["broke the protocol", LONG_MS, (peer) => peer.send({ type: 99 })],
])(
  "handlers whose callers %s count for maxServerInFlight until they end",
  async (_, ms, abandon) => {
    const gate = new Gate();
    const limits = { maxServerInFlight: MAX_RUNNING };
    await using server = startServer(gate.handler, { limits });
    using peer = await RawPeer.greet(server.port);
    peer.send(...IDS.map((id) => request(id, `${id}`, ms)));
    await eventually(() => gate.started.length === MAX_RUNNING);
    abandon(peer);
    await eventually(() => gate.aborted.length === MAX_RUNNING);

    using other = await RawPeer.greet(server.port);
    other.send(...IDS.map((id) => request(id, `refused ${id}`)));
    for (const id of IDS) {
      const { flags, body } = await other.frame(FrameType.error, id);
      expect(flags & Flag.processed).toBe(0);
      expect(parseObject(body)).toMatchObject({ code: "resource_exhausted" });
    }
    expect(gate.started).toHaveLength(MAX_RUNNING);

    await gate.letGo("1", "2", "3", "4", "5");
    other.send(...IDS.map((id) => request(10 + id, `taken ${id}`)));
    await gate.letGo(...IDS.map((id) => `taken ${id}`));
    for (const id of IDS) await other.frame(FrameType.response, 10 + id);
  },
);

test("a peer that cancels its calls at once gets no more handlers than others", async () => {
  const limits = { maxServerInFlight: MAX_RUNNING, maxInFlight: MAX_RUNNING };
  const gate = new Gate();
  await using server = startServer(gate.handler, { limits });
  using peer = await RawPeer.greet(server.port);
  const ids = Array.from({ length: 500 }, (_, n) => n + 1);
  const cancel = { type: FrameType.cancel, flags: Flag.optional };
  for (const id of ids) peer.send(request(id, `${id}`), { ...cancel, id });
  await peer.frame(FrameType.error, ids.length);
  expect(gate.started).toEqual(["1", "2", "3", "4", "5"]);
  await gate.letGo(...gate.started);
});
