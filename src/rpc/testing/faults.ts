// A server with faults by a script: it exchanges HELLO, then does one fault for each request.

import { Flag, type Frame, FrameType } from "../wire/frame.ts";
import { encode, type FakeServer, type RawPeer, startFakeAnswerer } from "./raw-peer.ts";

/** What a faulty server does on a request. */
export type Fault = (request: Frame, peer: RawPeer) => void;

/** The reply of the test's method: it repeats the request. */
const reply = ({ id, body }: Frame) => ({ type: FrameType.response, id, body });

const UNKNOWN_ID = 4711;
/** Within the body: length and header are complete. */
const HALF_BYTES = 15;
/** Later than the deadlines of the tests, earlier than their time limits. */
export const LATE_MS = 250;

export const answersWell: Fault = (request, peer) => peer.send(reply(request));

export const stalls: Fault = () => undefined;

/** Half-closes without an answer. */
export const halfCloses: Fault = (_, peer) => void peer.socket?.shutdown();

export const resets: Fault = (_, peer) => peer.socket?.terminate();

export const answersLate: Fault = (request, peer) => {
  setTimeout(() => peer.send(reply(request)), LATE_MS);
};

export const answersTwice: Fault = (request, peer) => peer.send(reply(request), reply(request));

/** Answers twice, the second time differently. */
export const contradictsItself: Fault = (request, peer) => {
  const body = '{"code":"unavailable","message":"changed its mind"}';
  peer.send(reply(request), { type: FrameType.error, id: request.id, body });
};

export const answersUnknownId: Fault = (_, peer) => {
  peer.send({ type: FrameType.response, id: UNKNOWN_ID, body: '{"text":"whose?"}' });
};

/** Answers a byte at a time, with a pause after each. */
export function trickles(pauseMs: number): Fault {
  const waiting = new WeakMap<RawPeer, Promise<void>>();
  const trickle = async (request: Frame, peer: RawPeer) => {
    for (const byte of encode(reply(request))) {
      if (peer.isClosed) return;
      peer.write(Buffer.from([byte]));
      await Bun.sleep(pauseMs);
    }
  };
  return (request, peer) => {
    const before = waiting.get(peer) ?? Promise.resolve();
    waiting.set(
      peer,
      before.then(() => trickle(request, peer)),
    );
  };
}

/** Begin an answer and then do `next`. Further requests of this peer are ignored. */
function midFrame(next: (peer: RawPeer) => void): Fault {
  const begun = new WeakSet<RawPeer>();
  return (request, peer) => {
    if (begun.has(peer)) return;
    begun.add(peer);
    peer.write(encode(reply(request)).subarray(0, HALF_BYTES));
    next(peer);
  };
}

export const closesMidFrame = midFrame((peer) => peer.socket?.end());

export const resetsMidFrame = midFrame((peer) => setTimeout(() => peer.socket?.terminate(), 5));

export const stallsMidFrame = midFrame(() => undefined);

/** Answers with this ERROR. */
export function refuses(code: string, flags = 0): Fault {
  const body = JSON.stringify({ code, message: "refused on purpose", retryAfterMs: 1 });
  return ({ id }, peer) => peer.send({ type: FrameType.error, flags, id, body });
}

/** Says in GOAWAY that this call and later ones did not begin. */
export const goesAway: Fault = ({ id }, peer) => {
  const body = JSON.stringify({ lastId: id - 1, reason: "on purpose" });
  peer.send({ type: FrameType.goaway, flags: Flag.optional, body });
};

/** Says in GOAWAY that this call still runs, and then loses the connection. */
export const takesAndDies: Fault = ({ id }, peer) => {
  const body = JSON.stringify({ lastId: id, reason: "on purpose" });
  peer.send({ type: FrameType.goaway, flags: Flag.optional, body });
  setTimeout(() => peer.socket?.terminate(), 10);
};

export interface FaultyServer extends FakeServer {
  /** The faults of the next requests, one each. The last one applies to all that follow. */
  script: readonly Fault[];
  /** All requests so far. */
  readonly requests: Frame[];
}

export function startFaultyServer(...script: readonly Fault[]): FaultyServer {
  const requests: Frame[] = [];
  const server = startFakeAnswerer((request, peer) => {
    requests.push(request);
    const [fault = answersWell, ...rest] = faulty.script;
    if (rest.length > 0) faulty.script = rest;
    fault(request, peer);
  });
  const faulty: FaultyServer = Object.assign(server, { script, requests });
  return faulty;
}
