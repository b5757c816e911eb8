import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, makeIdentity, OPENSSL } from "./testing/identity.ts";
import { failure, startClient, startServer } from "./testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const ECHO = async (request: { text: string }) => request;

describe.skipIf(!OPENSSL)("TLS", () => {
  let folder: string;
  let ours: Identity;
  let another: Identity;
  let elsewhere: Identity;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-tls-"));
    ours = await makeIdentity(folder, "ours", "IP:127.0.0.1");
    another = await makeIdentity(folder, "another", "IP:127.0.0.1");
    elsewhere = await makeIdentity(folder, "elsewhere", "DNS:elsewhere.example");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("carries many calls, with a token", async () => {
    const token = "correct horse battery";
    await using server = startServer(ECHO, { tls: ours, token });
    using client = startClient(server.port, {}, { tlsCa: ours.cert, token });
    const texts = Array.from({ length: 500 }, (_, index) => `${index} ${"x".repeat(1000)}`);
    expect(await Promise.all(texts.map((text) => client.say(text)))).toEqual(texts);
  });

  test("refuses a server of another authority before HELLO", async () => {
    await using server = startServer(ECHO, { tls: another });
    using client = startClient(server.port, {}, { tlsCa: ours.cert });
    const error = await failure(client.say("hello"));
    expect(error).toMatchObject({ status: "unavailable", processed: false });
    expect(server.logged).toEqual([]);
  });

  test("refuses a server whose certificate is for another host", async () => {
    await using server = startServer(ECHO, { tls: elsewhere });
    using client = startClient(server.port, {}, { tlsCa: elsewhere.cert });
    expect(await failure(client.say("hello"))).toMatchObject({
      status: "unavailable",
      processed: false,
    });
  });

  test.each([
    ["-tls1_3", "", true],
    ["-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256", true],
    ["-tls1_2", "ECDHE-ECDSA-CHACHA20-POLY1305", true],
    ["-tls1_2", "ECDHE-ECDSA-AES128-SHA", false],
    ["-tls1_1", "ALL", false],
  ])("with %s and the suites %p of a client: %p", async (version, ciphers, isAccepted) => {
    await using server = startServer(ECHO, { tls: ours });
    // At OpenSSL's level 0, the client itself offers what is obsolete.
    const offer = ciphers === "" ? [] : ["-cipher", `${ciphers}:@SECLEVEL=0`];
    const connect = ["s_client", "-connect", `127.0.0.1:${server.port}`, version, ...offer];
    const client = Bun.spawn([OPENSSL ?? "openssl", ...connect], {
      stdin: new Blob([""]),
      stdout: "pipe",
      stderr: "ignore",
    });
    const output = await new Response(client.stdout).text();
    expect(/Cipher is (?!\(NONE\))/.test(output)).toBe(isAccepted);
  });

  test("on one side only fails every call, and no call hangs", async () => {
    const limits = { handshakeTimeoutMs: 500 };
    await using secured = startServer(ECHO, { tls: ours, limits });
    using plainClient = startClient(secured.port, limits);
    expect(await failure(plainClient.say("hello"))).toMatchObject({ status: "unavailable" });
    await using plain = startServer(ECHO, { limits });
    using securedClient = startClient(plain.port, limits, { tlsCa: ours.cert });
    expect(await failure(securedClient.say("hello"))).toMatchObject({ status: "unavailable" });
  });
});
