import { FrameError } from "./frame.ts";
import type { FrameTap } from "./frame-tap.ts";
import type { Hello, HelloTemplate } from "./hello.ts";
import { isProof, proofOf } from "./token.ts";

/** How a client greets a server and knows that it is the right one. */
export interface Greeting {
  readonly hello: HelloTemplate;
  /** The secret that both sides must prove to know; without it, none is asked for. */
  readonly token?: string | undefined;
  /** A server that asks for no token is greeted without. */
  readonly isTokenOptional?: boolean | undefined;
  /** PEM of the authority that signed the servers' certificates; without it, no TLS. */
  readonly tlsCa?: string | undefined;
  /** Hears every frame of every connection. */
  readonly tap?: FrameTap | undefined;
}

/**
 * The client's proof for a server that has proved itself, undefined where neither has a token.
 * @throws {FrameError} one side has a token that it insists on, and the other has none or another
 */
export function answerProof(
  { token, isTokenOptional = false }: Greeting,
  clientNonce: string,
  { nonce, proof }: Hello,
): string | undefined {
  if (isTokenOptional && proof === undefined) return undefined;
  if (token === undefined) {
    if (proof === undefined) return undefined;
    throw new FrameError("Handshake failed: the server asks for RPC_TOKEN, which is not set here");
  }
  const nonces = { client: clientNonce, server: nonce };
  if (proof === undefined || !isProof(proof, proofOf(token, "server", nonces))) {
    throw new FrameError(
      proof === undefined
        ? "Handshake failed: the server does not know RPC_TOKEN: it has none"
        : "Handshake failed: wrong RPC_TOKEN: the server does not know RPC_TOKEN as it is set here",
    );
  }
  return proofOf(token, "client", nonces);
}
