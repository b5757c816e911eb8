import type { Method } from "./call.ts";
import { FrameError } from "./frame.ts";
import type { Limits } from "./limits.ts";

const MAGIC = "portico";
const VERSION = 1;

/** What each side says first. The server's has its methods, so that a client knows what fits. */
export interface Hello {
  readonly magic: typeof MAGIC;
  /** Lowest and highest protocol version spoken. */
  readonly versions: readonly [number, number];
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** Method number → hash of its shape. */
  readonly methods: Readonly<Record<string, string>>;
}

export function helloText(limits: Limits, methods: Iterable<Method<unknown, unknown>>): string {
  const { maxFrameBytes, maxInFlight } = limits;
  const hashes = Object.fromEntries(Array.from(methods, ({ number, hash }) => [number, hash]));
  const hello: Hello = {
    magic: MAGIC,
    versions: [VERSION, VERSION],
    maxFrameBytes,
    maxInFlight,
    methods: hashes,
  };
  return JSON.stringify(hello);
}

/** @throws {FrameError} not a HELLO, or no protocol version in common */
export function parseHello(text: string): Hello {
  const value = parseObject(text);
  if (value?.magic !== MAGIC) throw new FrameError("Cannot greet peer: not a Portico HELLO");
  const { versions, maxFrameBytes, maxInFlight, methods } = value;
  const [lowest, highest] = Array.isArray(versions) ? versions : [];
  if (!isCount(lowest) || !isCount(highest) || !isCount(maxFrameBytes) || !isCount(maxInFlight)) {
    throw new FrameError("Cannot greet peer: its HELLO lacks versions or limits");
  }
  if (lowest > VERSION || highest < VERSION) {
    throw new FrameError(
      `Cannot greet peer: it speaks protocol ${lowest} to ${highest}, this side ${VERSION}`,
    );
  }
  const hashes: Record<string, string> = {};
  for (const [number, hash] of Object.entries(isObject(methods) ? methods : {})) {
    if (typeof hash === "string") hashes[number] = hash;
  }
  return { magic: MAGIC, versions: [lowest, highest], maxFrameBytes, maxInFlight, methods: hashes };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // The caller says what it could not read.
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}
