// A server that goes wrong by a script: greets well, then does one fault for each request.

import { type Frame, FrameType } from "../wire/frame.ts";
import { encode, type FakeServer, type RawPeer, startFakeAnswerer } from "./raw-peer.ts";

/** What a faulty server does on a request. */
export type Fault = (request: Frame, peer: RawPeer) => void;

/** The reply of the test's method, which says what it was asked. */
const reply = ({ id, body }: Frame) => ({ type: FrameType.response, id, body });

const UNKNOWN_ID = 4711;
/** Within the body: length and header are there. */
const HALF_BYTES = 15;
/** Later than the deadlines of the tests, sooner than the tests' patience. */
export const LATE_MS = 250;

export const answersWell: Fault = (request, peer) => peer.send(reply(request));

export const stalls: Fault = () => undefined;

/** Says that it will send no more, though it has not answered. */
export const halfCloses: Fault = (_, peer) => void peer.socket?.shutdown();

export const resets: Fault = (_, peer) => peer.socket?.terminate();

export const answersLate: Fault = (request, peer) => {
  setTimeout(() => peer.send(reply(request)), LATE_MS);
};

export const answersTwice: Fault = (request, peer) => peer.send(reply(request), reply(request));

/** Twice, and what it says the second time is not the same. */
export const contradictsItself: Fault = (request, peer) => {
  const body = '{"code":"unavailable","message":"changed its mind"}';
  peer.send(reply(request), { type: FrameType.error, id: request.id, body });
};

export const answersUnknownId: Fault = (_, peer) => {
  peer.send({ type: FrameType.response, id: UNKNOWN_ID, body: '{"text":"whose?"}' });
};

/** A byte at a time: `pauseMs` says whether it will be done in time. */
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

/** Begin an answer and then do `next`; what is asked in the meantime is not even heard. */
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

export interface FaultyServer extends FakeServer {
  /** What is done with the requests from now on: a fault each, the last one for all that follow. */
  script: readonly Fault[];
  /** All that were read. */
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
