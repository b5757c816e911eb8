import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { isObject, type JsonObject, parseObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { Method } from "../method.ts";
import { FrameError, type FrameTap } from "./frame.ts";

const MAGIC = "portico";
const VERSION = 1;
const NONCE_BYTES = 16;

/** The first frame of each side. Only the server's lists its methods. */
export interface Hello {
  readonly magic: typeof MAGIC;
  /** Lowest and highest protocol version that this side speaks. */
  readonly versions: readonly [number, number];
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** The build of this side, for the logs of the other. */
  readonly build: string;
  /** Fresh random hex digits, for the proofs of the token. */
  readonly nonce: string;
  /** Method number → hash of its shape. */
  readonly methods?: Readonly<Record<string, string>>;
  /** Method number → hashes of its older shapes. The server still answers callers that use them. */
  readonly olderShapes?: Readonly<Record<string, readonly string[]>>;
  /** The server's proof that it knows the token. The client must then prove it too. */
  readonly proof?: string;
}

/** The part of a HELLO that is the same on every connection of one side. */
export type HelloTemplate = Omit<Hello, "nonce" | "proof">;

/** How a client opens a connection and checks that it has reached the right server. */
export interface Greeting {
  readonly hello: HelloTemplate;
  /** The secret that both sides must prove to know. If unset, the client has none. */
  readonly token?: string | undefined;
  /** Accept a server that does not ask for the token. */
  readonly isTokenOptional?: boolean | undefined;
  /** PEM of the authority that signed the servers' certificates. If unset, no TLS. */
  readonly tlsCa?: string | undefined;
  /** Gets every frame of every connection. */
  readonly tap?: FrameTap | undefined;
}

/** A random value from each side. A proof is valid for one pair of them. */
export interface Nonces {
  readonly client: string;
  readonly server: string;
}

/** The HELLO of a server if `methods` is given, else of a client. */
export function helloTemplate(
  { maxFrameBytes, maxInFlight }: Limits,
  build: string,
  methods?: readonly Method<unknown, unknown>[],
): HelloTemplate {
  const versions = [VERSION, VERSION] as const;
  const template = { magic: MAGIC, versions, maxFrameBytes, maxInFlight, build } as const;
  if (!methods) return template;
  return {
    ...template,
    methods: Object.fromEntries(methods.map(({ number, hash }) => [number, hash])),
    olderShapes: Object.fromEntries(
      methods.flatMap(({ number, olderHashes }) => (olderHashes ? [[number, olderHashes]] : [])),
    ),
  };
}

/** Why calls of `method` cannot go to the server of this HELLO; undefined if they can. */
export function whyUnserved(
  { methods, olderShapes }: Hello,
  { number, hash }: Method<unknown, unknown>,
): string | undefined {
  const shape = methods?.[number];
  if (shape === hash || olderShapes?.[number]?.includes(hash)) return undefined;
  return shape === undefined ? "lacks it" : "has another shape of it";
}

export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString("hex");
}

/** @throws {FrameError} the text is not a HELLO, or shares no protocol version */
export function parseHello(text: string): Hello {
  const value = parseObject(text);
  if (value?.magic !== MAGIC) throw new FrameError("Handshake failed: the peer is not Portico");
  const { versions, maxFrameBytes, maxInFlight, build, nonce, proof } = value;
  const { methods, olderShapes } = value;
  const [lowest, highest] = Array.isArray(versions) ? versions : [];
  if (!isCount(lowest) || !isCount(highest) || !isCount(maxFrameBytes) || !isCount(maxInFlight)) {
    throw new FrameError("Handshake failed: the peer's HELLO lacks versions or limits");
  }
  if (lowest > VERSION || highest < VERSION) {
    throw new FrameError(
      `Handshake failed: the peer speaks protocol ${lowest} to ${highest}, this side ${VERSION}`,
    );
  }
  if (typeof nonce !== "string" || !/^[0-9a-f]{32}$/.test(nonce)) {
    throw new FrameError("Handshake failed: the peer's HELLO lacks a nonce");
  }
  return {
    magic: MAGIC,
    versions: [lowest, highest],
    maxFrameBytes,
    maxInFlight,
    build: typeof build === "string" ? build : "",
    nonce,
    ...(typeof proof === "string" && { proof }),
    ...(isObject(methods) && { methods: pickEntries(methods, isText) }),
    ...(isObject(olderShapes) && { olderShapes: pickEntries(olderShapes, isTextList) }),
  };
}

/**
 * The proof that a client sends after the server's HELLO; undefined if no token is in use.
 * @throws {FrameError} only one side has a token, or the two tokens differ
 */
export function answerProof(
  { token, isTokenOptional = false }: Greeting,
  clientNonce: string,
  { nonce, proof }: Hello,
): string | undefined {
  if (proof === undefined && (token === undefined || isTokenOptional)) return undefined;
  if (token === undefined) {
    throw new FrameError("Handshake failed: the server asks for RPC_TOKEN, which is not set here");
  }
  if (proof === undefined) {
    throw new FrameError("Handshake failed: RPC_TOKEN is set here, but the server has none");
  }
  const nonces = { client: clientNonce, server: nonce };
  if (!isProof(proof, proofOf(token, "server", nonces))) {
    throw new FrameError("Handshake failed: wrong RPC_TOKEN: the server has another one");
  }
  return proofOf(token, "client", nonces);
}

/**
 * Proves that a side knows the token without sending it: HMAC-SHA256 (RFC 2104) over its role and
 * both nonces. Each side's fresh nonce makes a recorded proof useless. The role stops a client from
 * sending the server's proof back as its own.
 */
export function proofOf(token: string, role: "client" | "server", nonces: Nonces): string {
  return createHmac("sha256", token)
    .update(`portico ${role}\n${nonces.client}\n${nonces.server}`)
    .digest("hex");
}

/** Takes constant time: timing must not tell how much of a guess is right. */
export function isProof(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The proof in the body of a PROOF frame, or "". */
export function parseProof(body: string): string {
  const proof = parseObject(body)?.proof;
  return typeof proof === "string" ? proof : "";
}

function pickEntries<T>(
  object: JsonObject,
  isWanted: (value: unknown) => value is T,
): Record<string, T> {
  const picked: Record<string, T> = {};
  for (const [key, value] of Object.entries(object)) {
    if (isWanted(value)) picked[key] = value;
  }
  return picked;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}
