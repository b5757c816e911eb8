import { randomBytes } from "node:crypto";
import { CALLER_NAME, DEFAULT_CALLER } from "../../../schema/callers.ts";
import { isObject, type JsonObject, parseObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { Method } from "../method.ts";
import { FrameError, type FrameTap } from "./frame.ts";
import type { Credentials } from "./proof.ts";

const MAGIC = "portico";
const VERSION = 1;
const VERSIONS = [VERSION, VERSION] as const;
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
  /** The client's name. If undefined, it is "http". */
  readonly caller?: string;
  /** Method number → hash of its shape. */
  readonly methods?: Readonly<Record<string, string>>;
  /** Method number → hashes of its older shapes. The server still answers callers that use them. */
  readonly olderShapes?: Readonly<Record<string, readonly string[]>>;
  /** The server's proof that it knows the caller's token. The client must then prove it too. */
  readonly proof?: string;
  /** The proofs of the caller's other tokens. */
  readonly otherProofs?: readonly string[];
}

/** The part of a HELLO that is the same on every connection of one side. */
export type HelloTemplate = Omit<Hello, "nonce" | "proof" | "otherProofs">;

/** How a client opens a connection and checks that it has reached the right server. */
export interface Greeting extends Credentials {
  readonly hello: HelloTemplate;
  /** PEM of the authority that signed the servers' certificates. If unset, no TLS. Renewable. */
  tlsCa?: string | undefined;
  /** Gets every frame of every connection. */
  readonly tap?: FrameTap | undefined;
}

/** The HELLO of a client. */
export function clientHello(
  { maxFrameBytes, maxInFlight }: Limits,
  build: string,
  caller: string = DEFAULT_CALLER,
): HelloTemplate {
  const template = { magic: MAGIC, versions: VERSIONS, maxFrameBytes, maxInFlight, build } as const;
  return caller === DEFAULT_CALLER ? template : { ...template, caller };
}

/** The HELLO of a server. */
export function serverHello(
  { maxFrameBytes, maxInFlight }: Limits,
  build: string,
  methods: readonly Method<unknown, unknown>[],
): HelloTemplate {
  return {
    magic: MAGIC,
    versions: VERSIONS,
    maxFrameBytes,
    maxInFlight,
    build,
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
  const { methods, olderShapes, caller, otherProofs } = value;
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
  if (caller !== undefined && !(isText(caller) && CALLER_NAME.test(caller))) {
    throw new FrameError("Handshake failed: the caller of the peer's HELLO is no name");
  }
  return {
    magic: MAGIC,
    versions: [lowest, highest],
    maxFrameBytes,
    maxInFlight,
    build: typeof build === "string" ? build : "",
    nonce,
    ...(caller !== undefined && { caller }),
    ...(isText(proof) && { proof }),
    ...(isTextList(otherProofs) && { otherProofs }),
    ...(isObject(methods) && { methods: pickEntries(methods, isText) }),
    ...(isObject(olderShapes) && { olderShapes: pickEntries(olderShapes, isTextList) }),
  };
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
