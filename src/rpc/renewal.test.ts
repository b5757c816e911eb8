import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCalling } from "./testing/calling.ts";
import { type Identity, makeIdentity, OPENSSL } from "./testing/identity.ts";
import { eventually, failure, recorder, startClient, startServer } from "./testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const OLD = "the token of last year";
const NEW = "the token of this year";
const ECHO = async (request: { text: string }) => request;

/** Listen so that no other socket can. */
const steal = (port: number) =>
  Bun.listen({
    hostname: "127.0.0.1",
    port,
    exclusive: true,
    socket: { data: () => undefined },
  });
const tokens = (...http: string[]) => new Map([["http", http]]);

describe("the tokens of a running server", () => {
  test("are renewed on both sides, and no call fails", async () => {
    await using server = startServer(ECHO, { token: OLD });
    const caller = startCalling([server.port], { token: OLD });
    await caller.more(50);
    server.listener.renew({ tokens: tokens(OLD, NEW) });
    await caller.more(50);
    caller.balancer.renew({ token: NEW });
    server.listener.renew({ tokens: tokens(NEW) });
    await caller.more(200);
    await caller.stop();
    expect(caller.failures).toEqual([]);
  });

  test("that a server does not have are tried again, told, and cost no call", async () => {
    await using server = startServer(ECHO, { token: OLD });
    const lines: string[] = [];
    const caller = startCalling([server.port], { token: OLD, log: recorder(lines) });
    await caller.more(50);
    caller.balancer.renew({ token: NEW });
    await eventually(() => lines.some((line) => line.includes("keeping the old connections")));
    await caller.more(50);
    server.listener.renew({ tokens: tokens(OLD, NEW) });
    server.listener.renew({ tokens: tokens(NEW) });
    await caller.more(200);
    await caller.stop();
    expect(caller.failures).toEqual([]);
  });

  test("send a client away whose token is gone, after its running calls", async () => {
    const running = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await using server = startServer(
      async (request) => {
        running.resolve();
        await release.promise;
        return request;
      },
      { token: OLD },
    );
    using client = startClient(server.port, {}, { token: OLD });
    const call = client.say("a slow call");
    await running.promise;
    server.listener.renew({ tokens: tokens(NEW) });
    expect(await failure(client.say("another call", 300))).toMatchObject({ processed: false });
    release.resolve();
    expect(await call).toBe("a slow call");
    await eventually(() => server.listener.connections === 0);
  });

  test("count for clients of other names, too", async () => {
    await using server = startServer(ECHO, {
      tokens: new Map([
        ["http", [OLD]],
        ["admin", [OLD]],
      ]),
    });
    using http = startClient(server.port, {}, { token: OLD });
    using admin = startClient(server.port, {}, { token: OLD, caller: "admin" });
    expect(await Promise.all([http.say("one"), admin.say("two")])).toEqual(["one", "two"]);
    server.listener.renew({ tokens: tokens(OLD) });
    await eventually(() => server.listener.connections === 1);
    expect(await http.say("three")).toBe("three");
    expect(await failure(admin.say("four"))).toMatchObject({ status: "unavailable" });
  });

  test("are asked of clients that were let in without one", async () => {
    await using server = startServer(ECHO);
    using client = startClient(server.port);
    expect(await client.say("one")).toBe("one");
    server.listener.renew({ tokens: tokens(NEW) });
    expect(await failure(client.say("two"))).toMatchObject({ processed: false });
  });
});

describe.skipIf(!OPENSSL)("the certificate of a running server", () => {
  let folder: string;
  let old: Identity;
  let next: Identity;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-renewal-"));
    old = await makeIdentity(folder, "old", "IP:127.0.0.1");
    next = await makeIdentity(folder, "next", "IP:127.0.0.1");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("is renewed with the authority, and no call fails", async () => {
    await using server = startServer(ECHO, { tls: old });
    const caller = startCalling([server.port], { tlsCa: old.cert });
    await caller.more(50);
    server.listener.renew({ tls: next });
    caller.balancer.renew({ tlsCa: next.cert });
    await caller.more(50);

    // New connections see the new certificate only.
    using after = startClient(server.port, {}, { tlsCa: next.cert });
    expect(await after.say("hello")).toBe("hello");
    using before = startClient(server.port, {}, { tlsCa: old.cert });
    expect(await failure(before.say("hello"))).toMatchObject({ status: "unavailable" });
    await caller.stop();
    expect(caller.failures).toEqual([]);
  });

  test("stays in use if the next one cannot be used", async () => {
    await using server = startServer(ECHO, { tls: old });
    const wrong = { cert: "no certificate", key: next.key };
    expect(() => server.listener.renew({ tls: wrong })).toThrow();
    using client = startClient(server.port, {}, { tlsCa: old.cert });
    expect(await client.say("hello")).toBe("hello");
  });

  test("is listened with again once the port is free, if neither could be used", async () => {
    await using server = startServer(ECHO, { tls: old });
    const { port } = server;
    let reads = 0;
    let thief: Bun.TCPSocketListener<undefined> | undefined;
    const wrong = {
      // Read once to compare, and once to listen: another process takes the port just then.
      get cert() {
        if (++reads > 1) thief ??= steal(port);
        return "no certificate";
      },
      key: next.key,
    };
    expect(() => server.listener.renew({ tls: wrong })).toThrow();
    expect(thief?.port).toBe(port);
    thief?.stop(true);
    using client = startClient(port, {}, { tlsCa: old.cert });
    let answer: string | undefined;
    for (let tries = 0; answer === undefined && tries < 40; tries++) {
      answer = await client.say("hello").catch(() => Bun.sleep(50).then(() => undefined));
    }
    expect(answer).toBe("hello");
    expect(server.logged.join()).toContain("cannot listen again");
  });
});
