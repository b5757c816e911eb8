import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../error.ts";
import { expectCensusBack, takeCensus } from "../testing/census.ts";
import {
  answersLate,
  answersTwice,
  answersUnknownId,
  answersWell,
  closesMidFrame,
  contradictsItself,
  type Fault,
  halfCloses,
  LATE_MS,
  resets,
  resetsMidFrame,
  stalls,
  stallsMidFrame,
  startFaultyServer,
  trickles,
} from "../testing/faults.ts";
import { Ledger } from "../testing/ledger.ts";
import { eventually, SAY, startClient, startServer } from "../testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** How late a busy machine may notice a deadline. */
const NOISE_MS = 10_000;
const SHORT_MS = 100;
const LONG_MS = 20_000;
const TEXTS = ["one", "two", "three", "four", "five"];
const MAX_GROWTH_BYTES = 128 * 1024 * 1024;

const READ = { ...SAY, idempotent: true };

type Outcome = "answered" | "deadline_exceeded" | "unavailable";

const FAULTS: [string, Fault, Outcome][] = [
  ["stalls", stalls, "deadline_exceeded"],
  ["half-closes", halfCloses, "unavailable"],
  ["resets the connection", resets, "unavailable"],
  ["answers late", answersLate, "deadline_exceeded"],
  ["answers twice", answersTwice, "answered"],
  ["answers, and then contradicts itself", contradictsItself, "answered"],
  ["answers an unknown id", answersUnknownId, "deadline_exceeded"],
  ["trickles its answers, but in time", trickles(0), "answered"],
  ["trickles its answers too slowly", trickles(20), "deadline_exceeded"],
  ["closes in the middle of a frame", closesMidFrame, "unavailable"],
  ["resets in the middle of a frame", resetsMidFrame, "unavailable"],
  ["stalls in the middle of a frame", stallsMidFrame, "deadline_exceeded"],
];

describe.each(FAULTS)("a server that %s", (_, fault, outcome) => {
  test("ends each call once, in time, and the next call on a healthy server works", async () => {
    const before = takeCensus();
    {
      using faulty = startFaultyServer(fault);
      const ledger = new Ledger();
      // Connects for calls only, and not while there is no server: else a call could join an attempt
      // that meets none.
      const limits = { minIdle: 0, minBackoffMs: 600 };
      using client = startClient(faulty.port, limits, {}, [ledger.interceptor]);
      const timeoutMs = outcome === "deadline_exceeded" ? SHORT_MS : LONG_MS;
      const startedAt = performance.now();
      const calls = TEXTS.map(async (text) => {
        try {
          expect(await client.say(text, timeoutMs)).toBe(text);
          return "answered";
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          // It may have run: the error must say so.
          expect(error.processed).toBeTrue();
          return error.status;
        }
      });
      expect(await Promise.all(calls)).toEqual(TEXTS.map(() => outcome));
      const tookMs = performance.now() - startedAt;
      expect(tookMs).toBeLessThan(timeoutMs + NOISE_MS);
      if (outcome === "deadline_exceeded") expect(tookMs).toBeGreaterThanOrEqual(SHORT_MS);
      const end = outcome === "answered" ? "done" : outcome;
      expect(ledger.outcomes).toEqual({ [end]: TEXTS.length });

      faulty[Symbol.dispose]();
      await eventually(() => faulty.peers.every((peer) => peer.isClosed));
      await Bun.sleep(20); // Both sides have seen it.
      await using healthy = startServer(async (request) => request, { port: faulty.port });
      expect(await client.say("next")).toBe("next");
      expect(healthy.listener.connections).toBe(1);
      expect(ledger).toMatchObject({ begun: TEXTS.length + 1, ended: TEXTS.length + 1 });
      expect(ledger.endedAgain).toEqual([]);
    }
    await expectCensusBack(before, MAX_GROWTH_BYTES);
  });
});

test.each<[string, Fault, Outcome]>([
  ["late", answersLate, "deadline_exceeded"],
  ["twice", answersTwice, "answered"],
  ["and then contradicts itself", contradictsItself, "answered"],
  ["an unknown id", answersUnknownId, "deadline_exceeded"],
])("a server that answers %s keeps its connection, and no answer is mixed up", async (...row) => {
  const [, fault, outcome] = row;
  using server = startFaultyServer(...TEXTS.map(() => fault), answersWell);
  // As many slots as faults: a slot that is not freed fails the next call.
  const limits = { maxConnections: 1, maxInFlight: TEXTS.length };
  using client = startClient(server.port, limits);
  const timeoutMs = outcome === "answered" ? LONG_MS : SHORT_MS;
  await Promise.allSettled(TEXTS.map((text) => client.say(text, timeoutMs)));
  const endsAt = performance.now() + 2 * LATE_MS;
  do {
    const texts = [...TEXTS, ...TEXTS].map((text, index) => `${text} again ${index}`);
    expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
    await Bun.sleep(10);
  } while (performance.now() < endsAt);
  expect(server.peers).toHaveLength(1);
});

describe.each<[string, Fault]>([
  ["half-closes", halfCloses],
  ["resets the connection", resets],
  ["closes in the middle of a frame", closesMidFrame],
  ["resets in the middle of a frame", resetsMidFrame],
])("next to a healthy server, a server that %s", (_, fault) => {
  test("fails no read", async () => {
    using faulty = startFaultyServer(fault);
    await using healthy = startServer(async (request) => request);
    using client = startClient([faulty.port, healthy.port]);
    for (let round = 0; round < 10; round++) {
      const calls = TEXTS.map((text) => client.balancer.call(READ, { text }));
      expect(await Promise.all(calls)).toEqual(TEXTS.map((text) => ({ text })));
    }
    expect(faulty.requests).not.toEqual([]); // The faulty server was called at all.
  });

  test("never makes a write happen twice", async () => {
    const begun: string[] = [];
    using faulty = startFaultyServer((request, peer) => {
      begun.push(JSON.parse(request.body).text);
      fault(request, peer);
    });
    await using healthy = startServer(async (request) => {
      begun.push(request.text);
      return request;
    });
    using client = startClient([faulty.port, healthy.port]);
    const texts = Array.from({ length: 40 }, (_, index) => `write ${index}`);
    for (const text of texts) {
      const [outcome] = await Promise.allSettled([client.say(text)]);
      if (outcome?.status !== "rejected") continue;
      expect(outcome.reason).toMatchObject({ status: "unavailable", processed: true });
    }
    expect(begun).toHaveLength(new Set(begun).size);
  });
});
