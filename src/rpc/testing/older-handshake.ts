// Both sides of the handshake as they were before callers had names. They have their own proof, so
// that a change of the real one cannot hide here.
import { createHmac } from "node:crypto";
import { FrameType } from "../wire/frame.ts";
import { answersWell } from "./faults.ts";
import { type FakeServer, helloBody, RawPeer, startFakeServer } from "./raw-peer.ts";
import { SAY } from "./stack.ts";

const CLIENT_NONCE = "00112233445566778899aabbccddeeff";
const SERVER_NONCE = "ffeeddccbbaa99887766554433221100";

/** The proof of a token, as it was and as it still is for "http". */
export function olderProof(
  token: string,
  role: "client" | "server",
  clientNonce: string,
  serverNonce: string,
): string {
  const text = `portico ${role}\n${clientNonce}\n${serverNonce}`;
  return createHmac("sha256", token).update(text).digest("hex");
}

/** Connect as an older client, and call once. Returns why it refused the server, or its answer. */
export async function callAsOlder(port: number, token: string | undefined): Promise<string> {
  using peer = await RawPeer.greet(port, { nonce: CLIENT_NONCE });
  const hello = JSON.parse((await peer.frame(FrameType.hello)).body);
  const { proof, nonce } = hello;
  if ((proof === undefined) !== (token === undefined)) return "only one side has a token";
  if (token !== undefined) {
    if (proof !== olderProof(token, "server", CLIENT_NONCE, nonce)) return "another token";
    const own = olderProof(token, "client", CLIENT_NONCE, nonce);
    peer.send({ type: FrameType.proof, body: JSON.stringify({ proof: own }) });
  }
  const { request: type } = FrameType;
  peer.send({ type, method: SAY.number, id: 1, timeoutMs: 50_000, body: '{"text":"older"}' });
  return (await peer.frame(FrameType.response, 1)).body;
}

/** An older server: it ignores the caller, and answers after the right proof. */
export function startOlderServer(token: string | undefined): FakeServer {
  const open = new WeakSet<RawPeer>();
  const nonces = new WeakMap<RawPeer, string>();
  return startFakeServer((frame, peer) => {
    if (frame.type === FrameType.hello) {
      const { nonce } = JSON.parse(frame.body);
      nonces.set(peer, nonce);
      const proof = token && { proof: olderProof(token, "server", nonce, SERVER_NONCE) };
      if (!proof) open.add(peer);
      const body = helloBody({ nonce: SERVER_NONCE, ...proof });
      peer.send({ type: FrameType.hello, body });
    } else if (frame.type === FrameType.proof && token) {
      const wanted = olderProof(token, "client", nonces.get(peer) ?? "", SERVER_NONCE);
      if (JSON.parse(frame.body).proof === wanted) open.add(peer);
    } else if (frame.type === FrameType.request && open.has(peer)) {
      answersWell(frame, peer);
    } else {
      peer.socket?.terminate();
    }
  });
}
