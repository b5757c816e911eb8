import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { callLog } from "../telemetry/call-log.ts";
import { Balancer } from "./client/balancer.ts";
import { DomainError } from "./error.ts";
import { compose, type InterceptedCall, type Interceptor } from "./interceptor.ts";
import { DEFAULT_POOL_LIMITS } from "./limits.ts";
import { RawPeer } from "./testing/raw-peer.ts";
import { deadPort, eventually, failure, HOST, SAY, startServer } from "./testing/stack.ts";
import { Flag, FrameType } from "./wire/frame.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const CALL: InterceptedCall = {
  method: SAY,
  requestId: "r",
  metadata: {},
  begunAt: 0,
  deadline: 1,
};

/** An interceptor that records what it sees. */
function recorder(lines: string[], name = ""): Interceptor {
  return (call) => {
    lines.push(`${name}${call.method.name} ${call.requestId} begins`);
    return (outcome, ended) => {
      lines.push(ended === call ? `${name}${outcome}` : "the end of another call");
    };
  };
}

/** A handler that ends as its text says. */
async function obey({ text }: { text: string }): Promise<{ text: string }> {
  if (text === "hang") await new Promise(() => undefined);
  if (text === "declared") throw new DomainError("PasswordError");
  if (text === "undeclared") throw new DomainError("UserExistedError");
  if (text === "break") throw new Error("broken");
  return { text };
}

function requestOf(body: string, timeoutMs: number) {
  const metadata = '{"requestId":"abc"}';
  return { type: FrameType.request, method: SAY.number, id: 1, timeoutMs, metadata, body };
}

/** What the server's interceptor sees for a call with this body. */
async function seenOf(
  body: string,
  { timeoutMs = 60_000, then = (_peer: RawPeer) => {} } = {},
): Promise<string[]> {
  const lines: string[] = [];
  await using server = startServer(obey, { interceptors: [recorder(lines)] });
  using peer = await RawPeer.greet(server.port);
  peer.send(requestOf(body, timeoutMs));
  await eventually(() => lines.length > 0);
  then(peer);
  await eventually(() => lines.length > 1);
  return lines;
}

describe("compose()", () => {
  test("of nothing is undefined, and of one interceptor is that one", () => {
    const only = recorder([]);
    expect(compose([])).toBeUndefined();
    expect(compose([only])).toBe(only);
  });

  test("begins in order and ends in reverse", () => {
    const lines: string[] = [];
    const all = compose([recorder(lines, "a "), recorder(lines, "b "), recorder(lines, "c ")]);
    all?.(CALL)?.("done", CALL, 0);
    const begins = ["a", "b", "c"].map((name) => `${name} Test.say r begins`);
    expect(lines).toEqual([...begins, "c done", "b done", "a done"]);
  });

  test("calls the ends of the interceptors that return one", () => {
    const lines: string[] = [];
    const endless: Interceptor = () => undefined;
    for (const list of [
      [endless, recorder(lines)],
      [recorder(lines), endless],
    ]) {
      compose(list)?.(CALL)?.("PasswordError", CALL, 0);
    }
    expect(lines.filter((line) => line === "PasswordError")).toHaveLength(2);
    expect(compose([endless, endless])?.(CALL)).toBeUndefined();
  });
});

describe("a server's interceptor sees, once, how the caller's call ended:", () => {
  test.each<[string, string]>([
    ['{"text":"a"}', "done"],
    ['{"text":"declared"}', "PasswordError"],
    ['{"text":"undeclared"}', "internal"],
    ['{"text":"break"}', "internal"],
    ['{"text":', "invalid_argument"],
    ["{}", "invalid_argument"],
  ])("%s with %s", async (body, outcome) => {
    expect(await seenOf(body)).toEqual(["Test.say abc begins", outcome]);
  });

  test("at its deadline, by CANCEL, or with its connection", async () => {
    const hang = '{"text":"hang"}';
    const seen = ["Test.say abc begins"];
    expect(await seenOf(hang, { timeoutMs: 30 })).toEqual([...seen, "deadline_exceeded"]);
    const cancel = { type: FrameType.cancel, flags: Flag.optional, id: 1 };
    for (const then of [
      (peer: RawPeer) => peer.send(cancel),
      (peer: RawPeer) => peer[Symbol.dispose](),
      // An id in use breaks the protocol, which ends all calls of the connection.
      (peer: RawPeer) => peer.send({ type: 99 }),
    ]) {
      expect(await seenOf(hang, { then })).toEqual([...seen, "cancelled"]);
    }
  });

  test("and does not see the end of a handler that ends later", async () => {
    const lines: string[] = [];
    const late = Promise.withResolvers<{ text: string }>();
    const interceptors = [recorder(lines)];
    await using server = startServer(() => late.promise, { interceptors });
    using peer = await RawPeer.greet(server.port);
    peer.send(requestOf('{"text":"a"}', 30));
    await eventually(() => lines.length > 1);
    late.resolve({ text: "late" });
    await Bun.sleep(20);
    expect(lines).toHaveLength(2);
  });
});

class Client implements Disposable {
  readonly lines: string[] = [];
  readonly #balancer: Balancer;

  constructor(...ports: number[]) {
    const addresses = ports.map((port) => ({ host: HOST, port }));
    this.#balancer = new Balancer(addresses, DEFAULT_POOL_LIMITS, {}, [recorder(this.lines)]);
  }

  say(text: string, timeoutMs = 10_000): Promise<{ text: string }> {
    return this.#balancer.call(SAY, { text }, { timeoutMs, requestId: text });
  }

  [Symbol.dispose](): void {
    this.#balancer.close();
  }
}

describe("a client's interceptor", () => {
  test("sees each call begin and end like its caller", async () => {
    await using server = startServer(obey);
    using client = new Client(server.port);
    expect(await client.say("a")).toEqual({ text: "a" });
    expect(await failure(client.say("declared"))).toBeInstanceOf(DomainError);
    await failure(client.say("break"));
    await failure(client.say("hang", 40));
    expect(client.lines).toEqual([
      ...["Test.say a begins", "done"],
      ...["Test.say declared begins", "PasswordError"],
      ...["Test.say break begins", "internal"],
      ...["Test.say hang begins", "deadline_exceeded"],
    ]);
  });

  test("sees one call, even if it is tried at several addresses", async () => {
    await using server = startServer(obey);
    using client = new Client(deadPort(), server.port);
    for (let n = 0; n < 20; n++) await client.say("a");
    expect(client.lines.filter((line) => line === "done")).toHaveLength(20);
    expect(client.lines).toHaveLength(40);
  });

  test("sees that no server could be reached", async () => {
    using client = new Client(deadPort());
    await failure(client.say("a", 200));
    expect(client.lines[1]).toMatch(/^(unavailable|deadline_exceeded)$/);
  });
});

test("the log has one line at debug for each call, with its request id, and none above", () => {
  const logged: unknown[] = [];
  const unexpected = () => expect.unreachable();
  let isDebug = true;
  const log = {
    debug: (...line: unknown[]) => void logged.push(line),
    info: unexpected,
    warn: unexpected,
    error: unexpected,
    isLevelEnabled: () => isDebug,
  };
  const call = { ...CALL, begunAt: 100 };
  const outcomes = ["done", "PasswordError", "cancelled", "deadline_exceeded", "internal"] as const;
  for (const outcome of outcomes) callLog(log)(call)?.(outcome, call, 107);
  isDebug = false;
  expect(callLog(log)(call)).toBeUndefined();
  const fields = { requestId: "r", ms: expect.any(Number) };
  expect(logged).toEqual(
    ["done", "PasswordError", "cancelled", "deadline_exceeded", "failed"].map((word) => [
      fields,
      `Test.say ${word}`,
    ]),
  );
});
