import { expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../error.ts";
import {
  answersWell,
  type Fault,
  refuses,
  resets,
  stalls,
  startFaultyServer,
} from "../testing/faults.ts";
import { startFakeServer } from "../testing/raw-peer.ts";
import {
  failure,
  SAY,
  startClient,
  startServer,
  type TestClient,
  type Text,
} from "../testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const LONG_MS = 50_000;
const PAUSE_MS = 100;
const READ = { ...SAY, idempotent: true };
const ECHO = async (request: Text) => request;
/** A lost server is not tried again during a test. */
const NEVER_AGAIN = { minBackoffMs: 40_000, maxBackoffMs: 40_000 };

function call({ balancer }: TestClient, method: typeof SAY, timeoutMs = LONG_MS) {
  return balancer.call(method, { text: "a" }, { timeoutMs });
}

test("a retry has only the time that remains", async () => {
  const left: number[] = [];
  const fault: Fault = (request, peer) => {
    left.push(request.timeoutMs);
    if (left.length > 1) answersWell(request, peer);
    else setTimeout(() => peer.socket?.terminate(), PAUSE_MS);
  };
  using one = startFaultyServer(fault);
  using other = startFaultyServer(fault);
  using client = startClient([one.port, other.port]);
  expect(await call(client, READ)).toEqual({ text: "a" });
  expect(left).toHaveLength(2);
  expect(left[1]).toBeLessThanOrEqual(LONG_MS - PAUSE_MS + 5);
});

test("no retry is made after the deadline", async () => {
  const late: Fault = (_, peer) => void setTimeout(() => peer.socket?.terminate(), PAUSE_MS);
  using one = startFaultyServer(late);
  using other = startFaultyServer(late);
  using client = startClient([one.port, other.port]);
  const error = await failure(call(client, READ, PAUSE_MS / 3));
  expect(error).toMatchObject({ status: "deadline_exceeded" });
  await Bun.sleep(2 * PAUSE_MS);
  expect([...one.requests, ...other.requests]).toHaveLength(1);
});

test("if the budget is spent, the call ends with the error of its last attempt", async () => {
  using shedding = startFaultyServer(refuses("resource_exhausted"));
  await using healthy = startServer(ECHO);
  const budget = { retryShare: 0, retriesPerSecond: 0, maxSavedRetries: 3 };
  using client = startClient([shedding.port, healthy.port], budget);
  const errors: unknown[] = [];
  while (shedding.requests.length < 20) {
    const [outcome] = await Promise.allSettled([call(client, SAY)]);
    if (outcome?.status === "rejected") errors.push(outcome.reason);
  }
  expect(errors).toHaveLength(20 - 3);
  for (const error of errors) {
    expect(error).toMatchObject({ status: "resource_exhausted", processed: false });
  }
});

test("each call earns its share of a retry", async () => {
  using shedding = startFaultyServer(refuses("resource_exhausted"));
  await using healthy = startServer(ECHO);
  const budget = { retryShare: 0.25, retriesPerSecond: 0, maxSavedRetries: 1 };
  using client = startClient([shedding.port, healthy.port], budget);
  let calls = 0;
  let failed = 0;
  for (; shedding.requests.length < 80; calls++) {
    const [outcome] = await Promise.allSettled([call(client, SAY)]);
    if (outcome?.status === "rejected") failed++;
  }
  const retries = shedding.requests.length - failed;
  expect(retries).toBeLessThanOrEqual(1 + calls / 4);
  // With maxSavedRetries reached, calls earn nothing: of 80, a few.
  expect(retries).toBeGreaterThan(calls / 8);
});

test("a call that may have run at the first attempt counts as processed", async () => {
  using faulty = startFaultyServer(resets);
  using silent = startFakeServer(() => undefined);
  using other = startFaultyServer(stalls);
  for (const second of [silent, other]) {
    faulty.requests.length = 0;
    const patience = { connectTimeoutMs: LONG_MS, handshakeTimeoutMs: LONG_MS };
    for (let round = 0; round < 50 && faulty.requests.length === 0; round++) {
      using client = startClient([faulty.port, second.port], { ...NEVER_AGAIN, ...patience });
      const error = await failure(call(client, READ, 100));
      expect(error).toBeInstanceOf(RpcError);
      if (faulty.requests.length > 0) expect(error).toMatchObject({ processed: true });
    }
    expect(faulty.requests.length).toBeGreaterThan(0);
  }
});
