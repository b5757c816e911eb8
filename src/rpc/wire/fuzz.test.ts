import { expect, setDefaultTimeout, test } from "bun:test";
import { DomainError, RpcError } from "../error.ts";
import { expectCensusBack, takeCensus } from "../testing/census.ts";
import {
  below,
  cut,
  pick,
  type Random,
  randomFrames,
  shuffleFrames,
  spoilBytes,
  times,
} from "../testing/fuzz.ts";
import { Ledger } from "../testing/ledger.ts";
import { encode, helloBody, RawPeer, startFakeServer } from "../testing/raw-peer.ts";
import { behave, recordExchange } from "../testing/recording.ts";
import { seededRandom, testSeed } from "../testing/seed.ts";
import {
  eventually,
  SAY,
  startClient,
  startServer,
  type TestClient,
  type Text,
} from "../testing/stack.ts";
import { Flag, FrameError, FrameType } from "./frame.ts";

// The limit only ends a hang. Each test may take FUZZ_SECONDS more.
const FUZZ_SECONDS = Number(process.env.FUZZ_SECONDS ?? 1.2);
setDefaultTimeout(60_000 + 4000 * FUZZ_SECONDS);

const CASES_AT_ONCE = 20;
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;
/** A call or case hangs if it takes this much longer than it may. */
const HANG_MS = 10_000;
const LIMITS = { maxFrameBytes: 65_536, maxInFlight: 16, handshakeTimeoutMs: 1000 };

/** Reject if `work` has not ended in `withinMs`. */
async function bounded<T>(work: Promise<T>, withinMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`Cannot wait for ${what}: not ended after ${withinMs} ms`);
  const timer = setTimeout(() => late.reject(error), withinMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Run batches of cases for FUZZ_SECONDS. Each batch has its own seed, which a failure names. With
 * SEED set to it, that batch comes first.
 */
async function fuzz(name: string, runBatch: (random: Random) => Promise<void>): Promise<number> {
  const seed = testSeed(name);
  const endsAt = performance.now() + FUZZ_SECONDS * 1000;
  let batches = 0;
  do {
    try {
      await runBatch(seededRandom(seed + batches));
    } catch (cause) {
      throw new Error(`${name}: failed with SEED=${seed + batches}: ${cause}`, { cause });
    }
    batches++;
  } while (performance.now() < endsAt);
  return batches;
}

/** A spoilt recording, spoilt frames, or whole frames in a wrong order. */
function randomStream(random: Random, recording: readonly Buffer[]): Buffer[] {
  const made = () => randomFrames(random, 25);
  const bytes = pick(random, [
    () => spoilBytes(random, Buffer.concat(shuffleFrames(random, recording))),
    () => spoilBytes(random, Buffer.concat(shuffleFrames(random, made()))),
    () => Buffer.concat(shuffleFrames(random, made())),
    () => Buffer.concat(made()),
  ])();
  return cut(random, bytes);
}

/** Send everything, sometimes with a pause, then leave in one of the usual ways. */
async function play(random: Random, peer: RawPeer, pieces: readonly Buffer[]): Promise<void> {
  if (random() < 0.1) peer.socket?.pause(); // It does not read the answers.
  for (const piece of pieces) {
    if (peer.isClosed) break;
    peer.write(piece);
    if (random() < 0.3) await Bun.sleep(below(random, 3));
  }
  await pick<() => unknown>(random, [
    () => peer.socket?.end(),
    () => peer.socket?.terminate(),
    () => peer.socket?.shutdown(),
    () => Bun.sleep(below(random, 30)),
  ])();
}

test.each<[string, string | undefined]>([
  ["a listener", undefined],
  ["a listener with a token", "correct horse battery staple"],
])("%s survives fuzzed clients, and serves the others", async (name, token) => {
  const { fromClient } = await recordExchange(token);
  const strangers: string[] = [];
  const handler = (request: Text) => {
    if (!request.text.startsWith("healthy")) strangers.push(request.text);
    return behave(request);
  };
  const ledger = new Ledger();
  const interceptors = [ledger.interceptor];
  await using server = startServer(handler, { limits: LIMITS, token, interceptors });
  using healthy = startClient(server.port, { maxConnections: 1 }, { token });
  await healthy.say("healthy");
  const before = takeCensus();

  const runCase = async (random: Random) => {
    using peer = await RawPeer.connect(server.port);
    await play(random, peer, randomStream(random, fromClient));
  };
  const batches = await fuzz(`fuzzed: ${name}`, async (random) => {
    // Each has its own generator, since their turns interleave differently every time.
    const cases = times(CASES_AT_ONCE, () => runCase(seededRandom(below(random, 2 ** 31))));
    await bounded(Promise.all(cases), HANG_MS, "a batch of peers");
    const texts = times(5, (index) => `healthy ${index}`);
    expect(await Promise.all(texts.map((text) => healthy.say(text)))).toEqual(texts);
    await eventually(() => server.listener.connections === 1);
    // Also the calls of connections that are gone.
    await eventually(() => ledger.begun === ledger.ended);
    expect(ledger.endedAgain).toEqual([]);
    // A socket handler threw an error that is no FrameError: a bug.
    expect(server.logged.filter((line) => line.includes("socket failed"))).toEqual([]);
    server.logged.length = 0;
  });
  // Replayed frames of another connection must not run a handler.
  if (token === undefined) expect(strangers).not.toEqual([]);
  else expect(strangers).toEqual([]);
  const after = await expectCensusBack(before, MAX_GROWTH_BYTES);
  console.log(`fuzzed: ${name}, ${batches * CASES_AT_ONCE} peers`, { before, after });
});

test("calls with interleaved ids, reused ids and CANCELs are each answered at most once", async () => {
  await using server = startServer(behave, { limits: { ...LIMITS, maxInFlight: 1000 } });
  await fuzz("interleaved ids", async (random) => {
    using peer = await RawPeer.greet(server.port);
    const ids = times(60, (index) => index + 1).sort(() => random() - 0.5);
    const cancelled = new Set(ids.filter(() => random() < 0.2));
    const sent = ids.flatMap((id) => {
      const text = pick(random, ["echo", "late", "declared", "broken"]);
      const { request, cancel } = FrameType;
      const body = JSON.stringify({ text });
      // A late call passes a short deadline, which is its answer. Its reply is then discarded.
      const timeoutMs = pick(random, [20_000, 20_000, 1, 4]);
      const call = { type: request, method: SAY.number, id, timeoutMs, body };
      const isCancelled = cancelled.has(id);
      return [call, ...(isCancelled ? [{ type: cancel, flags: Flag.optional, id }] : [])];
    });
    for (const piece of cut(random, Buffer.concat(sent.map(encode)))) {
      peer.write(piece);
      await Bun.sleep(below(random, 3));
    }
    const kept = ids.filter((id) => !cancelled.has(id));
    const isAnswered = (id: number) => peer.frames.some((frame) => frame.id === id);
    await eventually(() => kept.every(isAnswered), HANG_MS);
    await Bun.sleep(10); // Time for second answers of the late calls.
    const answered = peer.frames.map(({ id }) => id).filter((id) => id !== 0);
    expect(answered).toHaveLength(new Set(answered).size);
    expect(peer.isClosed).toBeFalse();
  });
});

/** Every call must end, with a reply or one of these errors. */
async function endOf(call: Promise<string>, timeoutMs: number): Promise<void> {
  try {
    const text = await bounded(call, timeoutMs + HANG_MS, "a call");
    expect(text).toBeString();
  } catch (error) {
    if (error instanceof DomainError) return expect(error.code).toBe("PasswordError");
    if (!(error instanceof RpcError) || isCrash(error)) throw error;
  }
}

/** Whether a bug closed the connection, and not the peer. */
function isCrash({ status, cause }: RpcError): boolean {
  const isSystemError = cause instanceof Error && "code" in cause;
  const isReason = cause === undefined || cause instanceof FrameError || isSystemError;
  return status === "unavailable" && !isReason;
}

/** Call until there is a reply. Throws the last error if none comes. */
async function retryUntilAnswered(client: TestClient): Promise<string> {
  const giveUpAt = performance.now() + HANG_MS;
  for (;;) {
    try {
      return await client.say("healthy");
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await Bun.sleep(10);
    }
  }
}

test("a client survives fuzzed servers, and finds a good one again", async () => {
  const { fromServer } = await recordExchange();
  const before = takeCensus();
  let calls = 0;

  const runCase = async (random: Random) => {
    let isHealthy = false;
    const failures: unknown[] = [];
    using server = startFakeServer((frame, peer) => {
      if (frame.type === FrameType.hello) {
        if (isHealthy || random() < 0.5) peer.send({ type: FrameType.hello, body: helloBody() });
        return;
      }
      if (frame.type !== FrameType.request) return;
      const answer = { type: FrameType.response, id: frame.id, body: frame.body };
      if (isHealthy || random() < 0.3) peer.send(answer);
      else if (random() < 0.5) peer.write(spoilBytes(random, encode(answer)));
      else peer.write(Buffer.concat(randomFrames(random, 4).slice(1)));
    });
    server.onOpen = (peer) => {
      const own = seededRandom(below(random, 2 ** 31));
      if (isHealthy || own() < 0.4) return;
      const pieces = randomStream(own, fromServer);
      play(own, peer, pieces).catch((error: unknown) => failures.push(error));
    };
    const ledger = new Ledger();
    const limits = { ...LIMITS, handshakeTimeoutMs: 100 };
    using client = startClient(server.port, limits, {}, [ledger.interceptor]);
    const work = times(30, async () => {
      const timeoutMs = 1 + below(random, 150);
      await Bun.sleep(below(random, 100));
      calls++;
      await endOf(client.say("echo", timeoutMs), timeoutMs);
    });
    await Promise.all(work);
    isHealthy = true;
    for (const peer of server.peers) peer.socket?.terminate();
    expect(await retryUntilAnswered(client)).toBe("healthy");
    client[Symbol.dispose]();
    for (const peer of server.peers) peer.socket?.resume();
    await eventually(() => server.peers.every((peer) => peer.isClosed));
    expect(ledger.begun).toBe(ledger.ended);
    expect([...ledger.endedAgain, ...failures]).toEqual([]);
  };
  const batches = await fuzz("fuzzed client", async (random) => {
    await Promise.all(times(5, () => runCase(seededRandom(below(random, 2 ** 31)))));
  });
  const after = await expectCensusBack(before, MAX_GROWTH_BYTES);
  console.log(`fuzzed client: ${calls} calls, ${5 * batches} servers`, { before, after });
});
