import { expect, setDefaultTimeout, test } from "bun:test";
import { answersWell, stalls, startFaultyServer } from "./testing/faults.ts";
import { Gate } from "./testing/gate.ts";
import { helloBody, type RawPeer, startFakeAnswerer, startFakeServer } from "./testing/raw-peer.ts";
import {
  deadPort,
  eventually,
  failure,
  SAY,
  startClient,
  startServer,
  type Text,
} from "./testing/stack.ts";
import { type Frame, FrameType } from "./wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SINGLE = { maxConnections: 1, maxInFlight: 1 };
const PATIENT = { connectTimeoutMs: 50_000, handshakeTimeoutMs: 50_000 };
const LONG_MS = 50_000;
const WAIT_MS = 150;
/** A timer may fire this much too early. */
const EARLY_MS = 5;

const PHASES = ["waiting for a connection", "connecting", "queue", "handler"] as const;
type Phase = (typeof PHASES)[number];

/** The time of each phase in a deadline error; 0 for a phase that it does not name. */
function spentIn(error: unknown): Record<Phase, number> {
  const ms = (phase: Phase) => Number(`${error}`.match(`${phase} (\\d+) ms`)?.[1] ?? 0);
  return {
    "waiting for a connection": ms("waiting for a connection"),
    connecting: ms("connecting"),
    queue: ms("queue"),
    handler: ms("handler"),
  };
}

const textOf = ({ body }: Frame): string => JSON.parse(body).text;

/** A server that sends HELLO only after WAIT_MS, and whose requests the test handles. */
function startLateGreeter(onRequest: (frame: Frame, peer: RawPeer) => void) {
  return startFakeServer((frame, peer) => {
    if (frame.type === FrameType.request) onRequest(frame, peer);
    if (frame.type !== FrameType.hello) return;
    setTimeout(() => peer.send({ type: FrameType.hello, body: helloBody() }), WAIT_MS);
  });
}

test.concurrent("the remaining time on the wire excludes the wait for a free slot", async () => {
  const left: number[] = [];
  using server = startFakeAnswerer((frame, peer) => {
    left.push(frame.timeoutMs);
    setTimeout(() => answersWell(frame, peer), WAIT_MS);
  });
  using client = startClient(server.port, SINGLE);
  await Promise.all(["a", "b", "c"].map((text) => client.say(text, LONG_MS)));
  expect(left).toHaveLength(3);
  for (const [turn, remainingMs] of left.entries()) {
    expect(remainingMs).toBeLessThanOrEqual(LONG_MS - turn * (WAIT_MS - EARLY_MS));
    expect(remainingMs).toBeGreaterThan(LONG_MS / 2);
  }
});

test.concurrent("the remaining time on the wire excludes the time of connecting", async () => {
  const left: number[] = [];
  using server = startLateGreeter((frame, peer) => {
    left.push(frame.timeoutMs);
    answersWell(frame, peer);
  });
  using client = startClient(server.port);
  await client.say("a", LONG_MS);
  expect(left[0]).toBeLessThanOrEqual(LONG_MS - WAIT_MS + EARLY_MS);
});

test.concurrent("calls that expire while their connection opens are never sent", async () => {
  const seen: string[] = [];
  using server = startLateGreeter((frame, peer) => {
    seen.push(textOf(frame));
    answersWell(frame, peer);
  });
  using client = startClient(server.port);
  const hasty = ["a", "b", "c"].map((text) => failure(client.say(text, WAIT_MS / 3)));
  const patient = client.say("patient", LONG_MS);
  for (const error of await Promise.all(hasty)) {
    expect(error).toMatchObject({ status: "deadline_exceeded", processed: false });
  }
  expect(await patient).toBe("patient");
  expect(seen).toEqual(["patient"]);
});

test("a timeout that is NaN or infinite throws a TypeError at once", async () => {
  using client = startClient(deadPort());
  for (const timeoutMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(await failure(client.say("a", timeoutMs))).toBeInstanceOf(TypeError);
  }
});

test("a call that expired while this process was busy is not sent when a slot is free", async () => {
  const seen: string[] = [];
  using server = startFakeAnswerer((frame, peer) => {
    seen.push(textOf(frame));
    answersWell(frame, peer);
  });
  using client = startClient(server.port, SINGLE);
  // No timer can run between this check and the moment when the slot is free.
  const isText = (reply: unknown): reply is Text => {
    Bun.sleepSync(2 * WAIT_MS);
    return SAY.reply.Check(reply);
  };
  const slow = {
    ...SAY,
    reply: {
      Check: isText,
      Errors: () => SAY.reply.Errors(undefined),
      Schema: () => SAY.reply.Schema(),
    },
  };
  const first = client.balancer.call(slow, { text: "first" }, { timeoutMs: LONG_MS });
  const late = failure(client.say("late", WAIT_MS));
  const patient = client.say("patient", LONG_MS);
  expect(await late).toMatchObject({ status: "deadline_exceeded", processed: false });
  expect(await Promise.all([first, patient])).toEqual([{ text: "first" }, "patient"]);
  expect(seen).toEqual(["first", "patient"]);
});

/** The error of a call while another one holds the only slot. */
async function expireWaiting(): Promise<unknown> {
  const gate = new Gate();
  await using server = startServer(gate.handler);
  using client = startClient(server.port, SINGLE);
  const hog = client.say("hog", LONG_MS);
  await gate.hasStarted("hog");
  const error = await failure(client.say("late", WAIT_MS));
  await gate.letGo("hog");
  await hog;
  return error;
}

async function expireConnecting(): Promise<unknown> {
  using server = startFakeServer(() => undefined);
  using client = startClient(server.port, PATIENT);
  return await failure(client.say("late", WAIT_MS));
}

/** The error of a call that waits after more bytes than the kernel takes. */
async function expireQueued(): Promise<unknown> {
  const text = "x".repeat(1_000_000);
  using server = startFakeServer((frame, peer) => {
    const body = helloBody({ maxFrameBytes: 2 * text.length });
    if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body });
    else peer.socket?.pause();
  });
  using client = startClient(server.port, { maxConnections: 1, maxOutgoingBytes: 2 ** 27 });
  const ahead = [failure(client.say("pause", LONG_MS))];
  await eventually(() => server.peers.some(({ frames }) => frames.length === 2));
  for (let n = 0; n < 24; n++) ahead.push(failure(client.say(text, LONG_MS)));
  const error = await failure(client.say("late", WAIT_MS));
  client.balancer.close();
  await Promise.all(ahead);
  return error;
}

async function expireHandled(): Promise<unknown> {
  using server = startFaultyServer(answersWell, stalls);
  using client = startClient(server.port);
  await client.say("connected");
  return await failure(client.say("late", WAIT_MS));
}

// Not concurrent: sending 24 MB holds up the event loop, and a call that waits for it is "queue".
test.each<[Phase, () => Promise<unknown>]>([
  ["waiting for a connection", expireWaiting],
  ["connecting", expireConnecting],
  ["queue", expireQueued],
  ["handler", expireHandled],
])("a deadline error shows that most of the time was spent in: %s", async (phase, expire) => {
  const error = await expire();
  expect(error).toMatchObject({
    status: "deadline_exceeded",
    processed: PHASES.indexOf(phase) > 1,
  });
  const spent = spentIn(error);
  const totalMs = PHASES.reduce((sum, each) => sum + spent[each], 0);
  expect(totalMs).toBeGreaterThanOrEqual(WAIT_MS - EARLY_MS);
  expect(spent[phase]).toBeGreaterThan(totalMs / 2);
});

test.concurrent("a deadline error names each phase that took time", async () => {
  using server = startLateGreeter(stalls);
  using client = startClient(server.port);
  // Long enough that time is left after connecting, even on a busy machine.
  const timeoutMs = 20 * WAIT_MS;
  const spent = spentIn(await failure(client.say("late", timeoutMs)));
  expect(spent.connecting).toBeGreaterThanOrEqual(WAIT_MS - EARLY_MS);
  expect(spent.handler).toBeGreaterThan(0);
  expect(spent.connecting + spent.handler).toBeGreaterThanOrEqual(timeoutMs - EARLY_MS);
});

test.concurrent("a deadline error of the server also names the phases on the client", async () => {
  using server = startLateGreeter(({ id }, peer) => {
    const body = '{"code":"deadline_exceeded","message":"Test.say did not finish (handler 1 ms)"}';
    peer.send({ type: FrameType.error, flags: 2, id, body });
  });
  using client = startClient(server.port);
  const error = await failure(client.say("late", LONG_MS));
  expect(error).toMatchObject({ status: "deadline_exceeded", processed: true });
  expect(spentIn(error).connecting).toBeGreaterThanOrEqual(WAIT_MS - EARLY_MS);
});
