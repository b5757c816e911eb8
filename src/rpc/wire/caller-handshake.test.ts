import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RpcError } from "../error.ts";
import { callAsOlder, olderProof, startOlderServer } from "../testing/older-handshake.ts";
import { encode, helloBody, RawPeer } from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer } from "../testing/stack.ts";
import { FrameType } from "./frame.ts";
import { proofOf } from "./proof.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const HTTP = "correct horse battery";
const ADMIN = "another horse, no battery";
const NEXT = "the horse of next month";
const TOKENS = new Map([
  ["http", [HTTP]],
  ["admin", [ADMIN]],
]);
const ADMIN_ONLY = { ...SAY, callers: ["admin"] };
const NONCE = "f".repeat(32);
const PLEASE = { type: FrameType.request, method: 7, id: 1, timeoutMs: 50_000, body: "{}" };

/** A server that answers with the name of the caller. */
function startTelling(tokens: ReadonlyMap<string, readonly string[]>, method = SAY) {
  return startServer(async (_, { caller }) => ({ text: caller }), { tokens, method });
}

/** The answer to one call, or what went wrong. */
async function ask(port: number, identity: Parameters<typeof startClient>[2]): Promise<string> {
  using client = startClient(port, {}, identity);
  return await client.say("who am I?").catch((error: unknown) => {
    const cause = error instanceof RpcError && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : "no error";
  });
}

/** Send a HELLO with these fields, and return the server's. */
async function greet(port: number, fields: Record<string, unknown>) {
  const peer = await RawPeer.connect(port);
  peer.write(encode({ type: FrameType.hello, body: helloBody({ nonce: NONCE, ...fields }) }));
  const hello = JSON.parse((await peer.frame(FrameType.hello)).body);
  return { peer, hello, nonces: { client: NONCE, server: String(hello.nonce) } };
}

/** Send a proof and a REQUEST; true if the REQUEST is answered. */
async function isLetIn(peer: RawPeer, proof: string): Promise<boolean> {
  peer.send({ type: FrameType.proof, body: JSON.stringify({ proof }) });
  peer.send({ ...PLEASE, body: '{"text":"please"}' });
  await Promise.race([peer.closed.promise, eventually(() => peer.frames.length > 1)]);
  return peer.frames.some(({ type }) => type === FrameType.response);
}

describe("a caller", () => {
  test("is known to handlers by the name whose token it has proved", async () => {
    await using server = startTelling(TOKENS);
    expect(await ask(server.port, { token: HTTP })).toBe("http");
    expect(await ask(server.port, { caller: "http", token: HTTP })).toBe("http");
    expect(await ask(server.port, { caller: "admin", token: ADMIN })).toBe("admin");
  });

  test("may call the methods that are for it, and no others", async () => {
    await using server = startTelling(TOKENS, ADMIN_ONLY);
    expect(await ask(server.port, { caller: "admin", token: ADMIN })).toBe("admin");
    const refusal = 'The caller "http" may not call Test.say';
    expect(await ask(server.port, { token: HTTP })).toBe(refusal);
  });

  test("may have several tokens, and each lets it in", async () => {
    await using server = startTelling(new Map([["admin", [ADMIN, NEXT, HTTP]]]));
    for (const token of [ADMIN, NEXT, HTTP]) {
      expect(await ask(server.port, { caller: "admin", token })).toBe("admin");
    }
    const wrong = 'Handshake failed: wrong token of the caller "admin": the server has another one';
    expect(await ask(server.port, { caller: "admin", token: "neither of them" })).toBe(wrong);
  });

  test("that has no token here is refused if http needs one", async () => {
    await using server = startTelling(TOKENS);
    const refusal =
      "Cannot keep the connection: the server says: " +
      'Handshake failed: the server has no token of the caller "batch"';
    // The same, whatever the client knows.
    for (const token of [ADMIN, HTTP, undefined]) {
      expect(await ask(server.port, { caller: "batch", token })).toBe(refusal);
    }
    expect(server.logged.join()).toContain("has no token of the caller");
    expect(server.logged.join()).not.toContain(ADMIN);
  });

  test("that has no token here is http if http needs none, but admin needs its token", async () => {
    await using server = startTelling(new Map([["admin", [ADMIN]]]));
    expect(await ask(server.port, {})).toBe("http");
    expect(await ask(server.port, { caller: "batch" })).toBe("http");
    expect(await ask(server.port, { caller: "admin", token: ADMIN })).toBe("admin");
    const asks = 'asks for the token of the caller "admin", which is not set here';
    expect(await ask(server.port, { caller: "admin" })).toContain(asks);
    const { peer } = await greet(server.port, { caller: "admin" });
    peer.send({ ...PLEASE, body: '{"text":"please"}' });
    const { body } = await peer.frame(FrameType.error, 0);
    expect(body).toContain('the client has not proved the token of the caller \\"admin\\"');
    await peer.closed.promise;
    peer[Symbol.dispose]();
  });

  test("insists on its token unless it is optional", async () => {
    await using server = startTelling(new Map());
    const credentials = { caller: "admin", token: ADMIN };
    const none = 'the token of the caller "admin" is set here, but the server has none';
    expect(await ask(server.port, credentials)).toContain(none);
    expect(await ask(server.port, { ...credentials, isTokenOptional: true })).toBe("http");
  });

  test.each<[string, unknown]>([
    ["is empty", ""],
    ["is no text", 7],
    ["is null", null],
    ["is a list", ["admin"]],
    ["has capitals", "Admin"],
    ["has a line break", "admin\nadmin"],
    ["has a line break at its end", "admin\n"],
    ["is a member of every object", "__proto__"],
    ["is long", "a".repeat(33)],
    ["is as long as a HELLO can be", "a".repeat(15_000)],
    ["has another alphabet", "аdmin"],
  ])("whose name %s is refused, and the log does not repeat it", async (_, caller) => {
    await using server = startTelling(new Map([["admin", [ADMIN]]]));
    using peer = await RawPeer.connect(server.port);
    peer.send({ type: FrameType.hello, body: helloBody({ caller }) });
    const { body } = await peer.frame(FrameType.error, 0);
    expect(JSON.parse(body).message).toBe(
      "Handshake failed: the caller of the peer's HELLO is no name",
    );
    await peer.closed.promise;
    expect(server.logged.join().length).toBeLessThan(300);
  });

  test("whose name is that of a member of a Map or an object has no token", async () => {
    await using server = startTelling(TOKENS);
    for (const caller of ["constructor", "get", "size"]) {
      expect(await ask(server.port, { caller, token: HTTP })).toContain("has no token of");
    }
  });
});

describe("the proof of one caller is none of another:", () => {
  const WITHOUT_NAME = "http";
  test.each<[string, string, (nonces: { client: string; server: string }) => string]>([
    ["http's token for admin", "admin", (nonces) => proofOf(HTTP, "client", nonces, "admin")],
    ["http's proof for admin", "admin", (nonces) => proofOf(HTTP, "client", nonces)],
    ["admin's token without its name", "admin", (nonces) => proofOf(ADMIN, "client", nonces)],
    ["admin's proof for http", "http", (nonces) => proofOf(ADMIN, "client", nonces, "admin")],
    ["admin's token for http", "http", (nonces) => proofOf(ADMIN, "client", nonces)],
    [
      "http's token with the name http",
      WITHOUT_NAME,
      (nonces) => olderProof(HTTP, "client", nonces.client, `${nonces.server}\nhttp`),
    ],
  ])("%s", async (_, caller, proof) => {
    await using server = startTelling(TOKENS);
    const { peer, nonces } = await greet(server.port, { caller });
    expect(await isLetIn(peer, proof(nonces))).toBe(false);
    peer[Symbol.dispose]();
    const right = await greet(server.port, { caller });
    const token = caller === "admin" ? ADMIN : HTTP;
    expect(await isLetIn(right.peer, proofOf(token, "client", right.nonces, caller))).toBe(true);
    right.peer[Symbol.dispose]();
  });

  test("the server's proofs, played back", async () => {
    await using server = startTelling(new Map([["admin", [ADMIN, NEXT]]]));
    for (const index of [0, 1]) {
      const { peer, hello } = await greet(server.port, { caller: "admin" });
      const proofs = [hello.proof, ...hello.otherProofs];
      expect(proofs).toHaveLength(2);
      expect(await isLetIn(peer, String(proofs[index]))).toBe(false);
      peer[Symbol.dispose]();
    }
  });

  test("a proof that was right for another connection", async () => {
    await using server = startTelling(TOKENS);
    const one = await greet(server.port, { caller: "admin" });
    const right = proofOf(ADMIN, "client", one.nonces, "admin");
    expect(await isLetIn(one.peer, right)).toBe(true);
    const other = await greet(server.port, { caller: "admin" });
    expect(await isLetIn(other.peer, right)).toBe(false);
    for (const { peer } of [one, other]) peer[Symbol.dispose]();
  });
});

describe("during a rolling update", () => {
  test("older clients connect as http with its first token", async () => {
    await using server = startTelling(
      new Map([
        ["http", [HTTP, NEXT]],
        ["admin", [ADMIN]],
      ]),
    );
    expect(await callAsOlder(server.port, HTTP)).toBe('{"text":"http"}');
    expect(await callAsOlder(server.port, NEXT)).toBe("another token");
    expect(await callAsOlder(server.port, ADMIN)).toBe("another token");
    expect(await callAsOlder(server.port, undefined)).toBe("only one side has a token");
    await using open = startTelling(new Map([["admin", [ADMIN]]]));
    expect(await callAsOlder(open.port, undefined)).toBe('{"text":"http"}');
  });

  test("http connects to older servers, with a token and without", async () => {
    using guarded = startOlderServer(HTTP);
    expect(await ask(guarded.port, { token: HTTP })).toBe("who am I?");
    expect(await ask(guarded.port, { token: NEXT })).toContain("wrong RPC_TOKEN");
    using open = startOlderServer(undefined);
    expect(await ask(open.port, {})).toBe("who am I?");
  });

  test("another caller refuses an older server, which would take it for http", async () => {
    using older = startOlderServer(ADMIN);
    expect(await ask(older.port, { caller: "admin", token: ADMIN })).toContain(
      'wrong token of the caller "admin"',
    );
  });

  test("another caller refuses a server that was told that http calls", async () => {
    // Between the two, an attacker takes the name out of the HELLO.
    await using server = startTelling(new Map([["http", [ADMIN]]]));
    const relay = Bun.listen<{ far?: Bun.Socket }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        async data(near, chunk) {
          const text = chunk.toString("latin1");
          const [, hello] = /(\{"magic".*\})/.exec(text) ?? [];
          if (hello === undefined) return;
          const { caller: _, ...fields } = JSON.parse(hello);
          const far = await Bun.connect({
            hostname: "127.0.0.1",
            port: server.port,
            socket: { data: (_far, answer) => void near.write(answer) },
          });
          far.write(encode({ type: FrameType.hello, body: JSON.stringify(fields) }));
        },
      },
    });
    const refused = await ask(relay.port, { caller: "admin", token: ADMIN });
    relay.stop(true);
    expect(refused).toContain('wrong token of the caller "admin"');
  });
});

test("a failed handshake does not show a token", async () => {
  await using server = startTelling(TOKENS);
  using client = startClient(server.port, {}, { caller: "admin", token: HTTP });
  const error = await failure(client.say("hello"));
  expect(`${error}${error instanceof Error ? error.cause : ""}`).not.toContain(HTTP);
  expect(server.logged.join()).not.toContain(HTTP);
});
