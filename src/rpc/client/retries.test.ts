import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { DomainError } from "../error.ts";
import type { Method } from "../method.ts";
import {
  answersWell,
  type Fault,
  goesAway,
  refuses,
  resets,
  startFaultyServer,
  takesAndDies,
} from "../testing/faults.ts";
import { Ledger } from "../testing/ledger.ts";
import { type FakeServer, helloBody, startFakeServer } from "../testing/raw-peer.ts";
import {
  deadPort,
  eventually,
  failure,
  SAY,
  startClient,
  startServer,
  type TestClient,
  type Text,
} from "../testing/stack.ts";
import { Flag, FrameType } from "../wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const READ = { ...SAY, idempotent: true };
const ECHO = async (request: Text) => request;

function call({ balancer }: TestClient, method: Method<Text, Text>) {
  return balancer.call(method, { text: "a" }, { timeoutMs: LONG_MS });
}

type Ended = "answered" | "failed";

describe.each<[string, Fault, { read: Ended; write: Ended }]>([
  ["is lost with the call", resets, { read: "answered", write: "failed" }],
  ["goes away and dies with the call", takesAndDies, { read: "answered", write: "failed" }],
  ["goes away before the call", goesAway, { read: "answered", write: "answered" }],
  ["is draining", refuses("unavailable"), { read: "answered", write: "answered" }],
  ["sheds load", refuses("resource_exhausted"), { read: "answered", write: "answered" }],
  [
    "is draining, and may have begun",
    refuses("unavailable", Flag.processed),
    { read: "answered", write: "failed" },
  ],
  [
    "sheds load, and may have begun",
    refuses("resource_exhausted", Flag.processed),
    { read: "answered", write: "failed" },
  ],
  ["breaks", refuses("internal", Flag.processed), { read: "failed", write: "failed" }],
  ["lacks the method", refuses("unimplemented"), { read: "answered", write: "answered" }],
  [
    "says that the deadline has passed",
    refuses("deadline_exceeded"),
    { read: "failed", write: "failed" },
  ],
  [
    "answers with a domain error",
    refuses("PasswordError", Flag.processed),
    { read: "failed", write: "failed" },
  ],
])("if a server %s", (_, fault, ends) => {
  test.each([
    ["read", ends.read],
    ["write", ends.write],
  ] as const)("a %s is %s, as one call to its interceptors", async (kind, end) => {
    const method = kind === "read" ? READ : SAY;
    using faulty = startFaultyServer(fault);
    let served = 0;
    await using healthy = startServer(async (request) => {
      served++;
      return request;
    });
    const ledger = new Ledger();
    const ports = [faulty.port, healthy.port];
    using client = startClient(ports, {}, {}, [ledger.interceptor]);
    let calls = 0;
    // The first server is random: call until it is the faulty one.
    for (; calls < 200 && faulty.requests.length === 0; calls++) {
      const [outcome] = await Promise.allSettled([call(client, method)]);
      const isSpoilt = faulty.requests.length > 0;
      expect(outcome?.status).toBe(isSpoilt && end === "failed" ? "rejected" : "fulfilled");
    }
    // It was tried there once; a second try went to another server.
    expect(faulty.requests).toHaveLength(1);
    expect(served).toBe(end === "failed" ? calls - 1 : calls);
    expect(ledger).toMatchObject({ begun: calls, ended: calls, endedAgain: [] });
    expect(ledger.outcomes.done ?? 0).toBe(served);
    const { retries, retriesRefused } = client.balancer.counts;
    expect({ retries, retriesRefused }).toEqual({
      retries: end === "failed" ? 0 : 1,
      retriesRefused: 0,
    });
  });
});

test.each<[string, () => FakeServer | undefined]>([
  ["refuses to connect", () => undefined],
  ["hangs up at HELLO", () => startFakeServer((_, peer) => peer.socket?.terminate())],
])("if a server %s, a write is tried elsewhere, which costs no budget", async (...row) => {
  await using healthy = startServer(ECHO);
  const nothing = { retryShare: 0, retriesPerSecond: 0, maxSavedRetries: 0 };
  for (let n = 0; n < 10; n++) {
    using broken = row[1]();
    using client = startClient([broken?.port ?? deadPort(), healthy.port], nothing);
    expect(await call(client, SAY)).toEqual({ text: "a" });
  }
});

test("a domain error is an answer: not even a read is tried again", async () => {
  let runs = 0;
  const handler = async () => {
    runs++;
    throw new DomainError("PasswordError");
  };
  await using one = startServer(handler);
  await using other = startServer(handler);
  using client = startClient([one.port, other.port]);
  for (let n = 1; n <= 10; n++) {
    expect(await failure(call(client, READ))).toMatchObject({ code: "PasswordError" });
    expect(runs).toBe(n);
  }
});

test("a read that is lost at the only address is tried there once again", async () => {
  using faulty = startFaultyServer(resets, answersWell);
  using client = startClient(faulty.port);
  expect(await call(client, READ)).toEqual({ text: "a" });
  expect(faulty.requests).toHaveLength(2);
});

test("a write that is still queued when its connection is lost is tried again", async () => {
  const text = "x".repeat(1_000_000);
  using server = startFakeServer((frame, peer) => {
    const body = helloBody({ maxFrameBytes: 2 * text.length });
    if (frame.type === FrameType.hello) peer.send({ type: FrameType.hello, body });
    else if (server.peers.length === 1) peer.socket?.pause();
    else peer.send({ type: FrameType.response, id: frame.id, body: '{"text":"done"}' });
  });
  using client = startClient(server.port, { maxConnections: 1, maxOutgoingBytes: 2 ** 27 });
  const left = client.say("left", LONG_MS);
  await eventually(() => server.peers.some(({ frames }) => frames.length === 2));
  const [peer] = server.peers;
  const stuck = Array.from({ length: 24 }, () => client.say(text, LONG_MS));
  const outcomes = Promise.allSettled(stuck);
  await Bun.sleep(20); // The kernel buffers no more.
  peer?.socket?.terminate();
  expect(await failure(left)).toMatchObject({ status: "unavailable", processed: true });
  const statuses = (await outcomes).map(({ status }) => status);
  expect([statuses.at(0), statuses.at(-1)]).toEqual(["rejected", "fulfilled"]);
});

test("a read that every address loses ends as unavailable after a few tries", async () => {
  const servers = [resets, resets, resets].map((fault) => startFaultyServer(fault));
  const backoff = { minBackoffMs: 20, maxBackoffMs: 40 };
  using client = startClient(
    servers.map(({ port }) => port),
    backoff,
  );
  expect(await failure(call(client, READ))).toMatchObject({
    status: "unavailable",
    processed: true,
  });
  const tries = servers.map(({ requests }) => requests.length);
  expect(Math.min(...tries)).toBe(1); // Each server once, before any is tried again.
  expect(tries.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(4);
  for (const server of servers) server[Symbol.dispose]();
});
