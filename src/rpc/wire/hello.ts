import { randomBytes } from "node:crypto";
import type { Limits } from "../limits.ts";
import type { Method } from "../method.ts";
import { FrameError } from "./frame.ts";
import { isObject, type JsonObject, parseObject } from "./json.ts";

const MAGIC = "portico";
const VERSION = 1;
const NONCE_BYTES = 16;

/** What each side says first; the server also which methods it has, and in which shape. */
export interface Hello {
  readonly magic: typeof MAGIC;
  /** Lowest and highest protocol version spoken. */
  readonly versions: readonly [number, number];
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** Which build speaks, for logs. */
  readonly build: string;
  /** Fresh random hex digits, for the proofs of the token. */
  readonly nonce: string;
  /** Hash over all methods, for logs: equal ones need no look at each. */
  readonly contract?: string;
  /** Method number → hash of its shape. */
  readonly methods?: Readonly<Record<string, string>>;
  /** Method number → hashes of its older shapes, whose callers the server answers as well. */
  readonly olderShapes?: Readonly<Record<string, readonly string[]>>;
  /** The server's proof that it knows the token; with it, the client must prove it too. */
  readonly proof?: string;
}

/** The part of a HELLO that is the same for every connection of one side. */
export type HelloTemplate = Omit<Hello, "nonce" | "proof">;

/** A client's, or with `methods` a server's. */
export function helloTemplate(
  limits: Limits,
  build: string,
  methods?: readonly Method<unknown, unknown>[],
): HelloTemplate {
  const { maxFrameBytes, maxInFlight } = limits;
  const versions = [VERSION, VERSION] as const;
  const template = { magic: MAGIC, versions, maxFrameBytes, maxInFlight, build } as const;
  if (!methods) return template;
  const sorted = methods.toSorted((one, other) => one.number - other.number);
  const hashes = Object.fromEntries(sorted.map(({ number, hash }) => [number, hash]));
  const contract = new Bun.CryptoHasher("sha256").update(JSON.stringify(hashes)).digest("hex");
  const olderShapes = Object.fromEntries(
    sorted.flatMap(({ number, olderHashes }) => (olderHashes ? [[number, olderHashes]] : [])),
  );
  return { ...template, contract: contract.slice(0, 16), methods: hashes, olderShapes };
}

/** Why the server that said `hello` is not sent calls of this method, where it is not. */
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

/** @throws {FrameError} not a HELLO, or no protocol version in common */
export function parseHello(text: string): Hello {
  const value = parseObject(text);
  if (value?.magic !== MAGIC)
    throw new FrameError("Handshake failed: the peer is no tier of Portico");
  const { versions, maxFrameBytes, maxInFlight, build, nonce, proof, contract } = value;
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
    ...(typeof contract === "string" && { contract }),
    ...(typeof proof === "string" && { proof }),
    ...(isObject(methods) && { methods: entriesThat(isText, methods) }),
    ...(isObject(olderShapes) && { olderShapes: entriesThat(isTextList, olderShapes) }),
  };
}

function entriesThat<T>(
  fit: (value: unknown) => value is T,
  object: JsonObject,
): Record<string, T> {
  const fitting: Record<string, T> = {};
  for (const [key, value] of Object.entries(object)) {
    if (fit(value)) fitting[key] = value;
  }
  return fitting;
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
