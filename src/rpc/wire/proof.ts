import { createHmac, timingSafeEqual } from "node:crypto";
import { DEFAULT_CALLER } from "../../../schema/callers.ts";
import { parseObject } from "../json.ts";
import { FrameError } from "./frame.ts";

/**
 * The tokens of each caller, by its name; one at least. All tokens of a caller are valid, so that
 * it can change from one to another without an interruption.
 */
export type Tokens = ReadonlyMap<string, readonly string[]>;

/** Who a client is. */
export interface Credentials {
  /** If undefined, "http". */
  readonly caller?: string | undefined;
  /** The secret that both sides must prove to know. If unset, the client has none. Renewable. */
  token?: string | undefined;
  /** Accept a server that does not ask for the token. */
  readonly isTokenOptional?: boolean | undefined;
}

/** A random value from each side. A proof is valid for one pair of them. */
export interface Nonces {
  readonly client: string;
  readonly server: string;
}

/** The proofs in the HELLO of a server: one for each token of the caller. */
export interface OfferedProofs {
  readonly nonce: string;
  /** Undefined if the server asks for no token. */
  readonly proof?: string;
  readonly otherProofs?: readonly string[];
}

/**
 * The proof that a client sends after the server's HELLO; undefined if no token is in use.
 * @throws {FrameError} only one side has a token, or the server does not have the client's
 */
export function answerProof(
  { caller = DEFAULT_CALLER, token, isTokenOptional = false }: Credentials,
  clientNonce: string,
  { nonce, proof, otherProofs = [] }: OfferedProofs,
): string | undefined {
  if (proof === undefined && (token === undefined || isTokenOptional)) return undefined;
  const its = tokenName(caller, "the ");
  if (token === undefined) {
    throw new FrameError(`Handshake failed: the server asks for ${its}, which is not set here`);
  }
  if (proof === undefined) {
    throw new FrameError(`Handshake failed: ${its} is set here, but the server has none`);
  }
  const nonces = { client: clientNonce, server: nonce };
  if (!isOneOf(proofOf(token, "server", nonces, caller), [proof, ...otherProofs])) {
    throw new FrameError(
      `Handshake failed: wrong ${tokenName(caller)}: the server has another one`,
    );
  }
  return proofOf(token, "client", nonces, caller);
}

/**
 * Whether a server with these tokens lets in a client of this name that has proved `token`;
 * undefined if the client needed no proof.
 */
export function isLetIn(tokens: Tokens, caller: string, token: string | undefined): boolean {
  const own = tokens.get(caller);
  if (!own) return caller === DEFAULT_CALLER;
  return token !== undefined && own.includes(token);
}

/** What a message calls the token of a caller, with this article. */
export function tokenName(caller: string, article: "the " | "" = ""): string {
  return caller === DEFAULT_CALLER ? "RPC_TOKEN" : `${article}token of the caller "${caller}"`;
}

/**
 * Proves that a side knows the token without sending it: HMAC-SHA256 (RFC 2104) over its role, both
 * nonces and the caller. Each side's fresh nonce makes a recorded proof useless. The role stops a
 * client from sending the server's proof back as its own. The name stops a client from using the
 * proof of one caller as that of another. "http" has no name in it, because older clients and
 * servers know no callers: they make the same proof.
 */
export function proofOf(
  token: string,
  role: "client" | "server",
  nonces: Nonces,
  caller: string = DEFAULT_CALLER,
): string {
  const name = caller === DEFAULT_CALLER ? "" : `\n${caller}`;
  return createHmac("sha256", token)
    .update(`portico ${role}\n${nonces.client}\n${nonces.server}${name}`)
    .digest("hex");
}

/** Takes constant time: timing must not tell how much of a guess is right. */
export function isProof(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Whether `given` is one of the proofs. Compares with all: timing must not tell with which. */
export function isOneOf(given: string, proofs: readonly string[]): boolean {
  return proofs.filter((proof) => isProof(given, proof)).length > 0;
}

/** The proof in the body of a PROOF frame, or "". */
export function parseProof(body: string): string {
  const proof = parseObject(body)?.proof;
  return typeof proof === "string" ? proof : "";
}
