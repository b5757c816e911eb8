import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { GET_USER_INFO, SIGN_IN, SIGN_UP } from "../src/gen/user.ts";
import { type FakeServer, type RawPeer, startFakeAnswerer } from "../src/rpc/testing/raw-peer.ts";
import { deadPort, eventually, startServer } from "../src/rpc/testing/stack.ts";
import { Flag, type Frame, FrameType } from "../src/rpc/wire/frame.ts";
import { Folder } from "./child.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { type Stack, startStack } from "./stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const CLIENT = join(import.meta.dir, "python/portico_client.py");
const CREDENTIALS = { username: "grace", password: "hopper1906" };
const TOKEN = "a secret of both tiers — ünïcödé";
const PYTHON = programPath(PROGRAMS.python);
const OPENSSL = programPath(PROGRAMS.openssl);

type Call = readonly [number: number, request: unknown];

interface Outcome {
  readonly exitCode: number;
  /** The output of each call, in the order of the calls. */
  readonly results: unknown[];
  readonly complaint: string;
}

/** Make all calls at once on one connection of the Python client. */
async function python(port: number, calls: readonly Call[], options: string[] = []) {
  const texts = calls.flatMap(([number, request]) => [`${number}`, JSON.stringify(request)]);
  const child = Bun.spawn(
    [PYTHON ?? "python3", CLIENT, "--address", `127.0.0.1:${port}`, ...options, ...texts],
    { env: { ...process.env, PYTHONUTF8: "1" }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const [printed, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const results: unknown[] = printed
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const outcome: Outcome = { exitCode: await child.exited, results, complaint };
  return outcome;
}

const failedWith = (code: string, processed: boolean, message = "") => ({
  exitCode: 1,
  results: [{ error: { code, processed, message: expect.stringContaining(message) } }],
  complaint: "",
});
const succeededWith = (...results: unknown[]) => ({ exitCode: 0, results, complaint: "" });

async function signIn(stack: Stack, username: string): Promise<string> {
  await stack.user.signUp({ ...CREDENTIALS, username });
  return (await stack.user.signIn({ ...CREDENTIALS, username })).sessionId;
}

/** A self-signed certificate for loopback, which is its own authority. */
async function makeCertificate(path: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [`${path}.pem`, `${path}.key`];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", cert, "-days", "2"];
  const command = [OPENSSL ?? "openssl", "req", "-x509", ...ec, ...subject, ...files];
  const code = await Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] }).exited;
  if (code !== 0) throw new Error(`Cannot make a certificate: openssl ended with ${code}`);
  return { cert, key };
}

const frames = (fake: FakeServer): Frame[] => fake.peers.flatMap((peer) => peer.frames);

describe.skipIf(!PYTHON)("the Python client, written from docs/wire.md,", () => {
  test("signs up, signs in and reads the profile", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    expect(await python(port, [[SIGN_UP.number, CREDENTIALS]])).toEqual(succeededWith({}));
    const signedIn = await python(port, [[SIGN_IN.number, CREDENTIALS]]);
    expect(signedIn).toEqual(
      succeededWith({ sessionId: expect.any(String), deviceId: expect.any(String) }),
    );
    expect(await python(port, [[GET_USER_INFO.number, signedIn.results[0]]])).toEqual(
      succeededWith(expect.objectContaining({ username: "grace" })),
    );
  });

  test("gets a domain error by name", async () => {
    await using stack = await startStack();
    const call: Call = [SIGN_IN.number, { ...CREDENTIALS, username: "nobody" }];
    expect(await python(stack.rpcPort, [call])).toEqual(failedWith("UserNotExistError", true));
  });

  test.each<[string, Call, string, string]>([
    ["a request of another shape", [SIGN_IN.number, { username: 1 }], "invalid_argument", "signIn"],
    ["an unknown method", [4711, {}], "unimplemented", "4711"],
  ])("hears that %s was not processed", async (_what, call, code, message) => {
    await using stack = await startStack();
    expect(await python(stack.rpcPort, [call])).toEqual(failedWith(code, false, message));
  });

  test("sends and reads text beyond ASCII", async () => {
    await using server = startServer(async ({ text }) => ({ text: `${text}${text}` }));
    expect(await python(server.port, [[7, { text: "日本語 👩‍👩‍👧 ñ" }]])).toEqual(
      succeededWith({ text: "日本語 👩‍👩‍👧 ñ日本語 👩‍👩‍👧 ñ" }),
    );
  });

  test("has several calls in flight on one connection and tells their answers apart", async () => {
    await using stack = await startStack();
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const sessions = await Promise.all(names.map((name) => signIn(stack, name)));
    const calls = sessions.map((sessionId): Call => [GET_USER_INFO.number, { sessionId }]);
    const outcome = await python(stack.rpcPort, calls);
    const wanted = names.map((username) => expect.objectContaining({ username }));
    expect(outcome).toEqual(succeededWith(...wanted));
  });

  test("does not wait for one answer before it asks for the next", async () => {
    const waiting: (() => void)[] = [];
    await using server = startServer(async (request) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      // Answers come in reverse order, after all requests have come.
      if (waiting.unshift(resolve) === 3) for (const answer of waiting) answer();
      await promise;
      return request;
    });
    const texts = ["one", "two", "three"].map((text) => ({ text }));
    const outcome = await python(
      server.port,
      texts.map((request): Call => [7, request]),
    );
    expect(outcome).toEqual(succeededWith(...texts));
  });

  test("waits for a free slot if the server allows one call at a time", async () => {
    await using server = startServer(async (request) => request, { limits: { maxInFlight: 1 } });
    const texts = ["one", "two", "three"].map((text) => ({ text }));
    const outcome = await python(
      server.port,
      texts.map((request): Call => [7, request]),
    );
    expect(outcome).toEqual(succeededWith(...texts));
  });

  test("gives up at its deadline against the real tier", async () => {
    await using stack = await startStack({ PASSWORD_HASH: "argon2id:m=262144,t=4,p=1" });
    const call: Call = [SIGN_UP.number, CREDENTIALS];
    expect(await python(stack.rpcPort, [call], ["--timeout", "0.05"])).toEqual(
      failedWith("deadline_exceeded", true),
    );
  });

  test("sends CANCEL at its deadline", async () => {
    using fake = startFakeAnswerer(() => undefined);
    await python(fake.port, [[7, { text: "a" }]], ["--timeout", "0.05"]);
    await eventually(() => frames(fake).some(({ type }) => type === FrameType.cancel));
    const [, request, cancel] = frames(fake);
    expect(request).toMatchObject({ type: FrameType.request, id: 1 });
    expect(request?.timeoutMs).toBeWithin(1, 51);
    expect(cancel).toMatchObject({ type: FrameType.cancel, flags: Flag.optional, id: 1, body: "" });
  });

  test.each([
    ["answers PING and skips what it does not know", 6, ""],
    ["skips an optional frame that it does not know", 99, "not a type of ours"],
  ])("%s", async (_what, type, body) => {
    using fake = startFakeAnswerer((request, peer) => {
      peer.send({ type, flags: Flag.optional, id: 77, body });
      peer.send({ type: FrameType.response, id: request.id, body: '{"text":"a"}' });
    });
    expect(await python(fake.port, [[7, {}]])).toEqual(succeededWith({ text: "a" }));
    const pongs = frames(fake).filter((frame) => frame.type === 7 && frame.id === 77);
    expect(pongs).toHaveLength(type === 6 ? 1 : 0);
  });

  test("understands GOAWAY: later calls did not begin, earlier ones are answered", async () => {
    using fake = startFakeAnswerer(({ id }, peer) => {
      if (id !== 2) return;
      const goaway = { lastId: 1, reason: "a new build" };
      peer.send({ type: 8, flags: Flag.optional, body: JSON.stringify(goaway) });
      peer.send({ type: FrameType.response, id: 1, body: '{"text":"a"}' });
    });
    const { exitCode, results } = await python(fake.port, [
      [7, {}],
      [7, {}],
    ]);
    expect(exitCode).toBe(1);
    expect(results).toEqual([
      { text: "a" },
      failedWith("unavailable", false, "a new build").results[0],
    ]);
  });

  test.each<[string, (peer: RawPeer) => void]>([
    ["is lost", (peer) => peer.socket?.terminate()],
    ["has a frame that is too long", (peer) => peer.write(Buffer.alloc(100, 0xff))],
    ["has an unknown frame that is not optional", (peer) => peer.send({ type: 99 })],
    ["has an ERROR without a call", (peer) => peer.send({ type: 4, body: '{"code":"internal"}' })],
  ])("fails what is in flight where the connection %s", async (_what, harm) => {
    using fake = startFakeAnswerer((_request, peer) => harm(peer));
    expect(await python(fake.port, [[7, {}]])).toEqual(failedWith("unavailable", true));
  });

  test.each([
    ["a reply that is no JSON", FrameType.response, "{"],
    ["an error that is no JSON", FrameType.error, "{"],
    ["an error without a code", FrameType.error, '{"message":"a"}'],
    ["an error that is no object", FrameType.error, "null"],
  ])("fails one call, and no other, for %s", async (_what, type, body) => {
    using fake = startFakeAnswerer(({ id }, peer) => {
      if (id === 1) peer.send({ type, id, body });
      else peer.send({ type: FrameType.response, id, body: '{"text":"a"}' });
    });
    const { results } = await python(fake.port, [
      [7, {}],
      [7, {}],
    ]);
    expect(results).toEqual([failedWith("internal", true).results[0], { text: "a" }]);
  });

  test("reports a refused connection", async () => {
    expect(await python(deadPort(), [[7, {}]])).toEqual(
      failedWith("unavailable", false, "Cannot reach"),
    );
  });

  test.skipIf(!OPENSSL)("speaks TLS, and refuses a server that it does not trust", async () => {
    await using folder = await Folder.make();
    const [trusted, stranger] = await Promise.all([
      makeCertificate(join(folder.path, "trusted")),
      makeCertificate(join(folder.path, "stranger")),
    ]);
    await using stack = await startStack({
      RPC_TOKEN: TOKEN,
      RPC_TLS_CERT: trusted.cert,
      RPC_TLS_KEY: trusted.key,
      RPC_TLS_CA: trusted.cert,
    });
    await Bun.write(join(folder.path, "token"), TOKEN);
    const token = ["--token-file", join(folder.path, "token")];
    const call: Call = [SIGN_UP.number, CREDENTIALS];
    const options = (ca: string) => [...token, "--ca", ca];
    expect(await python(stack.rpcPort, [call], options(trusted.cert))).toEqual(succeededWith({}));
    expect(await python(stack.rpcPort, [call], options(stranger.cert))).toEqual(
      failedWith("unavailable", false, "CERTIFICATE_VERIFY_FAILED"),
    );
  });

  test("proves any token of its caller, by the caller's name", async () => {
    await using folder = await Folder.make();
    const tokens = [`${TOKEN} 1`, `${TOKEN} 2`, `${TOKEN} 3`];
    const [one = "", two = "", three = ""] = tokens;
    await Promise.all(
      tokens.map((token, index) => Bun.write(join(folder.path, `${index}`), token)),
    );
    const handler = async (_: unknown, { caller }: { caller: string }) => ({ text: caller });
    await using server = startServer(handler, {
      tokens: new Map([
        ["http", [one]],
        ["admin", [two, three]],
      ]),
    });
    const ask = (caller: string, index: number) => {
      const options = ["--caller", caller, "--token-file", join(folder.path, `${index}`)];
      return python(server.port, [[7, { text: "" }]], options);
    };
    expect(await ask("http", 0)).toEqual(succeededWith({ text: "http" }));
    expect(await ask("admin", 1)).toEqual(succeededWith({ text: "admin" }));
    expect(await ask("admin", 2)).toEqual(succeededWith({ text: "admin" }));
    const refused = failedWith("unavailable", false, "the server has another token of admin");
    expect(await ask("admin", 0)).toEqual(refused);
  });

  test("proves the token, and refuses a server that cannot", async () => {
    await using folder = await Folder.make();
    const fileOf = async (name: string, token: string) => {
      await Bun.write(join(folder.path, name), `${token}\n`);
      return ["--token-file", join(folder.path, name)];
    };
    const [right, wrong] = [await fileOf("right", TOKEN), await fileOf("wrong", `${TOKEN}!`)];
    await using guarded = await startStack({ RPC_TOKEN: TOKEN });
    await using open = await startStack();
    const call: Call = [SIGN_UP.number, CREDENTIALS];
    expect(await python(guarded.rpcPort, [call], right)).toEqual(succeededWith({}));
    const refusals: [Stack, string[], string][] = [
      [guarded, wrong, "the server has another token"],
      [guarded, [], "this client has no token"],
      [open, right, "the server has no token"],
    ];
    for (const [{ rpcPort }, options, reason] of refusals) {
      const outcome = await python(rpcPort, [call], options);
      expect(outcome).toEqual(failedWith("unavailable", false, reason));
      expect(JSON.stringify(outcome)).not.toContain(TOKEN);
    }
  });
});
