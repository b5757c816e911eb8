import { expect, setDefaultTimeout, test } from "bun:test";
import { DomainError, RpcError } from "../error.ts";
import { seededRandom, testSeed } from "../testing/seed.ts";
import {
  deadPort,
  eventually,
  failure,
  HOST,
  SAY,
  startClient,
  startServer,
} from "../testing/stack.ts";
import { Balancer } from "./balancer.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("many calls share one connection, and each gets its own answer in any order", async () => {
  const random = seededRandom(testSeed("answers out of order"));
  const finished: string[] = [];
  await using server = startServer(async ({ text }) => {
    await Bun.sleep(random() * 30);
    finished.push(text);
    return { text: `${text}, answered` };
  });
  using client = startClient(server.port);
  const texts = Array.from({ length: 200 }, (_, n) => `call ${n} ü日👩`);
  const answers = await Promise.all(texts.map((text) => client.say(text)));
  expect(answers).toEqual(texts.map((text) => `${text}, answered`));
  expect(finished).not.toEqual(texts);
  expect(server.listener.connections).toBe(1);
});

test("the request id and the deadline reach the handler", async () => {
  let seen = "";
  let remainingMs = 0;
  await using server = startServer(async (request, { requestId, deadline }) => {
    seen = requestId;
    remainingMs = deadline - performance.now();
    return request;
  });
  using client = startClient(server.port);
  await client.say("a", 9000);
  expect(seen).toBe("request-a");
  expect(remainingMs).toBeGreaterThan(5000);
  expect(remainingMs).toBeLessThanOrEqual(9001);
});

test("a call ends at its deadline, and its connection serves the next", async () => {
  await using server = startServer(({ text }) =>
    text === "hang" ? new Promise(() => undefined) : Promise.resolve({ text }),
  );
  using client = startClient(server.port, { maxConnections: 1, maxInFlight: 1 });
  for (let round = 0; round < 3; round++) {
    const startedAt = performance.now();
    expect(await failure(client.say("hang", 60))).toMatchObject({ status: "deadline_exceeded" });
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(60);
    expect(tookMs).toBeLessThan(10_000);
    expect(await client.say("next")).toBe("next");
  }
  expect(server.listener.connections).toBe(1);
});

test("a call with no time left never reaches a handler", async () => {
  const seen: string[] = [];
  await using server = startServer(async (request) => {
    seen.push(request.text);
    return request;
  });
  using client = startClient(server.port);
  await client.say("connected");
  for (const timeoutMs of [0, -1000]) {
    const error = await failure(client.say("too late", timeoutMs));
    expect(error).toMatchObject({ status: "deadline_exceeded", processed: false });
  }
  expect(await client.say("patient", 100 * 24 * 3600 * 1000)).toBe("patient");
  expect(seen).toEqual(["connected", "patient"]);
});

test("an invalid request is invalid_argument, and no handler runs", async () => {
  let runs = 0;
  await using server = startServer(async (request) => {
    runs++;
    return request;
  });
  using client = startClient(server.port);
  const request = JSON.parse('{"text":42,"password":"secret"}');
  const error = await failure(client.balancer.call(SAY, request));
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toMatchObject({ status: "invalid_argument", processed: false });
  expect(String(error)).toContain("/text");
  expect(String(error)).not.toMatch(/42|secret/);
  expect(runs).toBe(0);
});

test("a declared error reaches the caller unchanged", async () => {
  await using server = startServer(async () => {
    throw new DomainError("PasswordError");
  });
  using client = startClient(server.port);
  const error = await failure(client.say("a"));
  expect(error).toBeInstanceOf(DomainError);
  expect(error).toMatchObject({ code: "PasswordError" });
  expect(server.logged).toEqual([]);
});

test("every method can return DataBaseError; its cause is logged and not sent", async () => {
  await using server = startServer(async () => {
    const cause = new Error("10.0.0.7 down");
    throw new DomainError("DataBaseError", "Cannot read user: 10.0.0.7 down", { cause });
  });
  using client = startClient(server.port);
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ code: "DataBaseError", message: "DataBaseError" });
  expect(server.logged.join()).toContain("request-a");
});

test("an error that the method does not declare is internal, and logged", async () => {
  await using server = startServer(async () => {
    throw new DomainError("UserExistedError");
  });
  using client = startClient(server.port);
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "internal", processed: true });
  expect(String(error)).not.toContain("UserExistedError");
  expect(server.logged).toHaveLength(1);
  expect(server.logged[0]).toContain(
    "Test.say threw UserExistedError, which it does not declare (errors: PasswordError)",
  );
  expect(server.logged[0]).toContain("request-a");
});

test.each([
  ["rejects", () => Promise.reject(new Error("secret detail"))],
  [
    "throws at once",
    () => {
      throw new Error("secret detail");
    },
  ],
])(
  "if a handler %s, the caller hears no details and the log has the request id",
  async (_, run) => {
    await using server = startServer(run);
    using client = startClient(server.port);
    const error = await failure(client.say("a"));
    expect(error).toMatchObject({
      status: "internal",
      message: "Test.say failed",
      processed: true,
    });
    expect(server.logged).toHaveLength(1);
    expect(server.logged[0]).toContain("secret detail");
    expect(server.logged[0]).toContain("request-a");
  },
);

test("a handler's reply that does not match its type ends the call as internal", async () => {
  const cyclic: { text: string; self?: unknown } = { text: "a" };
  cyclic.self = cyclic;
  const replies: Record<string, unknown> = {
    cyclic,
    big: { text: 1n },
    nothing: undefined,
    wrong: { text: 42 },
  };
  await using server = startServer(async ({ text }) => JSON.parse("null") ?? replies[text]);
  using client = startClient(server.port);
  for (const name of Object.keys(replies)) {
    expect(await failure(client.say(name, 2000))).toMatchObject({ status: "internal" });
  }
  expect(server.listener.connections).toBe(1);
});

test("a handler can answer with an RPC status", async () => {
  await using server = startServer(async () => {
    throw new RpcError("resource_exhausted", "Too busy", { processed: false, retryAfterMs: 70 });
  });
  using client = startClient(server.port);
  expect(await failure(client.say("a"))).toMatchObject({
    status: "resource_exhausted",
    message: "Too busy",
    processed: false,
    retryAfterMs: 70,
  });
});

test("a method that the server lacks or has in another shape is refused by name", async () => {
  await using server = startServer(async (request) => request);
  using client = startClient(server.port);
  const { balancer } = client;
  const lacking = { ...SAY, name: "Test.sing", number: 8 };
  const error = await failure(balancer.call(lacking, { text: "a" }));
  expect(error).toMatchObject({ status: "unimplemented", processed: false });
  expect(String(error)).toMatch(/Test\.sing.*lacks it/);
  const reshaped = { ...SAY, hash: "another hash" };
  const otherError = await failure(balancer.call(reshaped, { text: "a" }));
  expect(otherError).toMatchObject({ status: "unimplemented", processed: false });
  expect(String(otherError)).toMatch(/Test\.say.*another shape/);
  expect(await client.say("a")).toBe("a");
});

test("a request over the server's frame limit fails alone, and is not sent", async () => {
  await using server = startServer(async (request) => request, { limits: { maxFrameBytes: 2000 } });
  using client = startClient(server.port);
  const [error, answer] = await Promise.all([
    failure(client.say("x".repeat(3000))),
    client.say("x".repeat(1500)),
  ]);
  expect(error).toMatchObject({ status: "invalid_argument", processed: false });
  expect(answer).toHaveLength(1500);
  expect(server.listener.connections).toBe(1);
});

test("a reply over the client's frame limit is internal, and fails alone", async () => {
  await using server = startServer(async ({ text }) => ({ text: "x".repeat(Number(text)) }));
  using client = startClient(server.port, { maxFrameBytes: 2000 });
  const [error, answer] = await Promise.all([failure(client.say("3000")), client.say("1500")]);
  expect(error).toMatchObject({ status: "internal", processed: true });
  expect(answer).toHaveLength(1500);
  expect(server.listener.connections).toBe(1);
});

test("a large request and a large reply pass", async () => {
  await using server = startServer(async (request) => request);
  using client = startClient(server.port);
  const texts = Array.from({ length: 10 }, (_, n) => String(n).repeat(900_000));
  const answers = await Promise.all(texts.map((text) => client.say(text)));
  expect(answers.every((answer, n) => answer === texts[n])).toBeTrue();
});

test("a request that has no JSON form fails at once, and fails no other call", async () => {
  await using server = startServer(async (request) => request);
  using client = startClient(server.port);
  const cyclic: { text: string; self?: unknown } = { text: "a" };
  cyclic.self = cyclic;
  const [error, answer] = await Promise.all([
    failure(client.balancer.call(SAY, cyclic)),
    client.say("b"),
  ]);
  expect(error).toBeInstanceOf(TypeError);
  expect(answer).toBe("b");
});

test("with one of two addresses dead, every call succeeds", async () => {
  await using server = startServer(async (request) => request);
  using client = startClient([deadPort(), server.port]);
  const texts = Array.from({ length: 100 }, (_, n) => String(n));
  expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
});

test("with all addresses dead, a call is unavailable well before its deadline", async () => {
  using client = startClient([deadPort(), deadPort(), deadPort()]);
  const startedAt = performance.now();
  const error = await failure(client.say("a"));
  expect(error).toMatchObject({ status: "unavailable", processed: false });
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test("an invalid port fails the call, not the process", async () => {
  using client = startClient(70_000);
  expect(await failure(client.say("a"))).toMatchObject({ status: "unavailable" });
});

test("calls spread over two servers", async () => {
  const served = [0, 0];
  const serve = (which: number) =>
    startServer(async (request) => {
      served[which] = (served[which] ?? 0) + 1;
      return request;
    });
  await using one = serve(0);
  await using other = serve(1);
  using client = startClient([one.port, other.port]);
  await Promise.all(Array.from({ length: 200 }, (_, n) => client.say(String(n))));
  expect(Math.min(...served)).toBeGreaterThan(20);
});

test("close() fails the calls in flight, and every call after it", async () => {
  await using server = startServer(() => new Promise(() => undefined));
  using client = startClient(server.port);
  const running = failure(client.say("a"));
  await eventually(() => server.listener.connections === 1);
  client.balancer.close();
  expect(await running).toMatchObject({ status: "unavailable" });
  const later = await failure(client.say("b"));
  expect(later).toMatchObject({ status: "unavailable", processed: false });
  await eventually(() => server.listener.connections === 0);
});

test("the constructor throws if there is no address", () => {
  expect(() => new Balancer([])).toThrow(RangeError);
  new Balancer([{ host: HOST, port: 1 }]).close();
});

test("a process ends by itself once both sides are closed", async () => {
  const code = `
    import { RawPeer } from "${import.meta.dir}/../testing/raw-peer.ts";
    import { startClient, startServer } from "${import.meta.dir}/../testing/stack.ts";
    const server = startServer((request) =>
      request.text === "hang" ? new Promise(() => {}) : Promise.resolve(request));
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const [client, waiting] = [startClient(server.port), startClient(silent.port)];
    const failures = [client.say("hang", 60_000), waiting.say("a", 60_000)].map((call) =>
      call.catch((error) => console.log(error.status)));
    const ungreeted = await RawPeer.connect(server.port);
    await Promise.all(["a", "b", "c"].map((text) => client.say(text, 60_000)));
    ungreeted.socket.end();
    client.balancer.close();
    waiting.balancer.close();
    await Promise.all(failures);
    await server.listener.close(60_000);
    silent.stop(true);
    console.log("closed");
  `;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", timeout: 4000 });
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("unavailable\nunavailable\nclosed\n");
});
