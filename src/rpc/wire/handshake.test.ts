import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { answersWell } from "../testing/faults.ts";
import { encode, helloBody, RawPeer, startFakeServer } from "../testing/raw-peer.ts";
import { eventually, failure, SAY, startClient, startServer } from "../testing/stack.ts";
import { FrameType } from "./frame.ts";
import { isProof, parseProof, proofOf } from "./proof.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const TOKEN = "correct horse battery";
const ECHO = async (request: { text: string }) => request;
const PLEASE = {
  type: FrameType.request,
  method: SAY.number,
  id: 1,
  timeoutMs: 5000,
  body: '{"text":"please"}',
};

/** A server that records the requests of its handler. */
function startGuarded(token: string | undefined) {
  const asked: string[] = [];
  const server = startServer(
    async (request) => {
      asked.push(request.text);
      return request;
    },
    { token },
  );
  return { asked, server };
}

test("unknown fields of HELLO are ignored, such as the contract hash of older servers", async () => {
  const unknown = { contract: "0123456789abcdef", later: { nested: [1] } };
  using older = startFakeServer((frame, peer) => {
    if (frame.type === FrameType.hello) {
      peer.send({ type: FrameType.hello, body: helloBody(unknown) });
    } else if (frame.type === FrameType.request) {
      answersWell(frame, peer);
    }
  });
  using client = startClient(older.port);
  expect(await client.say("hello")).toBe("hello");

  await using server = startServer(ECHO);
  using peer = await RawPeer.greet(server.port, unknown);
  peer.send(PLEASE);
  expect((await peer.frame(FrameType.response)).body).toBe('{"text":"please"}');
});

describe("RPC_TOKEN", () => {
  test("lets a client and a server that share it make calls", async () => {
    await using server = startServer(ECHO, { token: TOKEN });
    using client = startClient(server.port, {}, { token: TOKEN });
    expect(await client.say("hello")).toBe("hello");
  });

  test.each([
    ["another token", TOKEN, `${TOKEN}!`, "the server has another one"],
    ["a token, if the server has none", undefined, TOKEN, "the server has none"],
    ["no token, if the server asks for one", TOKEN, undefined, "asks for RPC_TOKEN"],
  ])(
    "refuses a client with %s, and its error says why",
    async (_what, ofServer, ofClient, reason) => {
      const { asked, server } = startGuarded(ofServer);
      await using _server = server;
      using client = startClient(server.port, {}, { token: ofClient });
      const error = await failure(client.say("hello"));
      expect(error).toMatchObject({ status: "unavailable", processed: false });
      expect(error).toMatchObject({ cause: { message: expect.stringContaining(reason) } });
      expect(String(error)).not.toContain(TOKEN);
      expect(asked).toEqual([]);
    },
  );

  test.each([
    ["no proof at all", () => []],
    ["a proof that is wrong", () => [{ type: FrameType.proof, body: proofBody("0".repeat(64)) }]],
    ["a PROOF without a proof", () => [{ type: FrameType.proof, body: "{}" }]],
    [
      "the server's own proof, played back",
      (proof: string) => [{ type: FrameType.proof, body: proofBody(proof) }],
    ],
  ])("refuses a REQUEST after %s", async (_what, frames) => {
    const { asked, server } = startGuarded(TOKEN);
    await using _server = server;
    using peer = await RawPeer.greet(server.port);
    const { proof } = JSON.parse((await peer.frame(FrameType.hello)).body);
    for (const frame of [...frames(String(proof)), PLEASE]) peer.send(frame);
    await peer.closed.promise;
    expect(asked).toEqual([]);
    await eventually(() => server.logged.join().includes("RPC_TOKEN"));
    expect(server.logged.join()).not.toContain(TOKEN);
  });

  test("refuses a PROOF that the server did not ask for", async () => {
    const { asked, server } = startGuarded(undefined);
    await using _server = server;
    using peer = await RawPeer.greet(server.port);
    peer.send({ type: FrameType.proof, body: proofBody("0".repeat(64)) }, PLEASE);
    const { id, body } = await peer.frame(FrameType.error);
    expect([id, body]).toEqual([0, expect.stringContaining("unexpected PROOF")]);
    await peer.closed.promise;
    expect(asked).toEqual([]);
  });

  test("refuses a proof that was right for another connection", async () => {
    const { asked, server } = startGuarded(TOKEN);
    await using _server = server;
    const nonce = "f".repeat(32);
    const greet = async () => {
      const peer = await RawPeer.connect(server.port);
      peer.write(encode({ type: FrameType.hello, body: helloBody({ nonce }) }));
      return { peer, hello: JSON.parse((await peer.frame(FrameType.hello)).body) };
    };
    const one = await greet();
    const right = proofOf(TOKEN, "client", { client: nonce, server: String(one.hello.nonce) });
    one.peer.send({ type: FrameType.proof, body: proofBody(right) });
    one.peer.send(PLEASE);
    await one.peer.frame(FrameType.response);
    expect(asked).toEqual(["please"]);

    const other = await greet();
    other.peer.send({ type: FrameType.proof, body: proofBody(right) });
    other.peer.send(PLEASE);
    await other.peer.closed.promise;
    expect(asked).toEqual(["please"]);
    one.peer[Symbol.dispose]();
  });

  test("must be proved within handshakeTimeoutMs", async () => {
    await using server = startServer(ECHO, { token: TOKEN, limits: { handshakeTimeoutMs: 50 } });
    using peer = await RawPeer.greet(server.port);
    await peer.closed.promise;
  });

  test("never crosses the wire", async () => {
    await using server = startServer(ECHO, { token: TOKEN });
    const seen: Buffer[] = [];
    const relay = Bun.listen<{ far: Bun.Socket | undefined; early: Buffer[] }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        async open(near) {
          near.data = { far: undefined, early: [] };
          near.data.far = await Bun.connect({
            hostname: "127.0.0.1",
            port: server.port,
            socket: {
              data(_far, chunk) {
                seen.push(chunk);
                near.write(chunk);
              },
            },
          });
          for (const chunk of near.data.early) near.data.far.write(chunk);
        },
        data(near, chunk) {
          seen.push(chunk);
          if (near.data.far) near.data.far.write(chunk);
          else near.data.early.push(chunk);
        },
      },
    });
    using client = startClient(relay.port, {}, { token: TOKEN });
    expect(await client.say("hello")).toBe("hello");
    relay.stop(true);
    const text = Buffer.concat(seen).toString("latin1");
    expect(text).toContain("proof");
    expect(text).not.toContain(TOKEN);
  });
});

describe("a proof", () => {
  test("is HMAC-SHA256 over the role and both nonces", () => {
    // printf 'portico client\nc0\n5e' | openssl dgst -sha256 -hmac 'correct horse battery'
    expect(proofOf(TOKEN, "client", { client: "c0", server: "5e" })).toBe(
      "4d2f4329d2f3686bf531600652ff7ca83a32839694fdb24c8284aae54992adbe",
    );
  });

  test("differs by role, by each nonce and by token", () => {
    const proofs = [
      proofOf(TOKEN, "client", { client: "a", server: "b" }),
      proofOf(TOKEN, "server", { client: "a", server: "b" }),
      proofOf(TOKEN, "client", { client: "b", server: "a" }),
      proofOf(TOKEN, "client", { client: "a", server: "c" }),
      proofOf(`${TOKEN}!`, "client", { client: "a", server: "b" }),
    ];
    expect(new Set(proofs).size).toBe(proofs.length);
  });

  test("is compared as a whole, and read from any JSON object that holds it", () => {
    const proof = "ab".repeat(32);
    expect(isProof(proof, proof)).toBe(true);
    expect(isProof("", proof)).toBe(false);
    expect(isProof(`${proof}a`, proof)).toBe(false);
    expect(isProof(proof.replace("a", "b"), proof)).toBe(false);
    expect(parseProof(proofBody(proof))).toBe(proof);
    expect(parseProof(`{ "proof": "${proof}", "later": 1 }`)).toBe(proof);
    for (const body of ["", "{}", "[]", '{"proof":7}', proof]) {
      expect(parseProof(body)).toBe("");
    }
  });
});

function proofBody(proof: string): string {
  return JSON.stringify({ proof });
}
