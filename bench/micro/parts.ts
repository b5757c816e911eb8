// Operations that every request needs, each as a function that can be timed.

import { availableParallelism } from "node:os";
import { hash } from "@node-rs/argon2";
import { Credentials, GET_USER_INFO, Profile } from "../../src/gen/user.ts";
import { SessionCookie } from "../../src/http/session-cookie.ts";
import { parseObject } from "../../src/rpc/json.ts";
import { DEFAULT_LIMITS } from "../../src/rpc/limits.ts";
import {
  type Frame,
  FrameReader,
  FrameType,
  type OutgoingFrame,
} from "../../src/rpc/wire/frame.ts";
import { Outbox } from "../../src/rpc/wire/outbox.ts";
import { classicPasswords, Passwords } from "../../src/user/password.ts";
import { newSessionId } from "../../src/user/session-id.ts";

export interface Part {
  readonly name: string;
  /** How many operations one `run` does. Default: 1. */
  readonly operations?: number;
  readonly run: () => unknown;
  /** Whether `run` returned, or resolved to, the right result. */
  readonly isRight: (result: unknown) => boolean;
}

const USERNAME = "test1234567";
const PASSWORD = "testpassword7";
const CREDENTIALS = { username: USERNAME, password: PASSWORD };
const PROFILE = { username: USERNAME, nickname: "test1234", profilePath: "default.webp" };
const SESSION_ID = newSessionId(USERNAME);
/** How many frames often leave in one write under load. */
const GATHERED = 64;
const TAKEN_BYTES = 64 * 1024;

const REQUEST: OutgoingFrame = {
  type: FrameType.request,
  method: GET_USER_INFO.number,
  id: 1,
  timeoutMs: 5000,
  body: JSON.stringify({ sessionId: SESSION_ID }),
};

/** A call without a deadline. */
const CALL = { deadline: Infinity, signal: new AbortController().signal };

const ARGON2_COSTS = [
  { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
  { memoryCost: 2048, timeCost: 1, parallelism: 1 },
];

/** An emitted validator. */
interface Checker {
  Check(message: unknown): boolean;
}

/** A socket that accepts everything and keeps the last write. */
class Sink {
  last: Buffer = Buffer.alloc(0);

  write(data: Uint8Array): number {
    this.last = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return data.length;
  }
}

export async function parts(): Promise<Part[]> {
  const argon2 = await Promise.all(ARGON2_COSTS.map(argon2Parts));
  return [
    ...frameParts(),
    ...messageParts("sign-in", CREDENTIALS, Credentials),
    ...messageParts("profile", PROFILE, Profile),
    ...sessionParts(),
    classicPart(),
    ...argon2.flat(),
  ];
}

function frameParts(): Part[] {
  const nothing = () => undefined;
  const encoder = new Outbox(new Sink(), TAKEN_BYTES, nothing);
  const chunk = encoded(REQUEST);
  const reader = new FrameReader(DEFAULT_LIMITS.maxFrameBytes);
  const outbox = new Outbox(new Sink(), TAKEN_BYTES, nothing);
  return [
    {
      name: "frame: encode a request",
      run: () => encoder.push(REQUEST),
      isRight: (result) => result === true,
    },
    {
      name: "frame: decode a request",
      run() {
        let frame: Frame | undefined;
        reader.push(chunk, (each) => {
          frame = each;
        });
        return frame;
      },
      isRight: (frame) => Bun.deepEquals(frame, { flags: 0, metadata: "", ...REQUEST }),
    },
    {
      name: `frame: ${GATHERED} requests leave in one write, a frame`,
      operations: GATHERED,
      run() {
        for (let frame = 0; frame < GATHERED; frame++) outbox.push(REQUEST);
        return new Promise<number>((resolve) => {
          outbox.whenEmpty(() => resolve(outbox.takenBytes));
        });
      },
      isRight: (bytes) => bytes === GATHERED * chunk.length,
    },
  ];
}

/** The bytes of a frame, as an outbox puts them on the wire. */
function encoded(frame: OutgoingFrame): Buffer {
  const sink = new Sink();
  // A limit of 0 bytes: the frame is written at once.
  new Outbox(sink, 0, () => undefined).push(frame);
  return Buffer.from(sink.last);
}

function messageParts(what: string, message: object, schema: Checker): Part[] {
  const text = JSON.stringify(message);
  return [
    {
      name: `message: encode a ${what}`,
      run: () => JSON.stringify(message),
      isRight: (result) => result === text,
    },
    {
      name: `message: decode a ${what}`,
      run: () => parseObject(text),
      isRight: (result) => Bun.deepEquals(result, message),
    },
    {
      name: `message: check a ${what}`,
      run: () => schema.Check(message),
      isRight: (result) => result === true,
    },
  ];
}

function sessionParts(): Part[] {
  const cookie = new SessionCookie(new URL("http://localhost"), 1800);
  const request = new Request("http://localhost/", {
    headers: { Cookie: `theme=dark; sessionID=${SESSION_ID}; lang=en` },
  });
  return [
    {
      name: "session: make an id",
      run: () => newSessionId(USERNAME),
      isRight: (id) => typeof id === "string" && id.length === 36 && id !== SESSION_ID,
    },
    {
      name: "session: read the cookie",
      run: () => cookie.read(request),
      isRight: (id) => id === SESSION_ID,
    },
  ];
}

function classicPart(): Part {
  const stored = classicPasswords(PASSWORD)();
  const passwords = new Passwords({ name: "salted-md5" });
  return {
    name: "password: verify salted-md5",
    run: () => passwords.verify(PASSWORD, stored, CALL),
    isRight: (result) => result === true,
  };
}

async function argon2Parts(cost: (typeof ARGON2_COSTS)[number]): Promise<Part[]> {
  const stored = { password: await hash(PASSWORD, cost), salt: "" };
  const passwords = new Passwords({ name: "salted-md5" });
  const verify = () => passwords.verify(PASSWORD, stored, CALL);
  const cores = availableParallelism();
  const scheme = `argon2id m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}`;
  return [
    {
      name: `password: verify ${scheme}, one at a time`,
      run: verify,
      isRight: (result) => result === true,
    },
    {
      name: `password: verify ${scheme}, ${cores} at once`,
      operations: cores,
      run: () => Promise.all(Array.from({ length: cores }, verify)),
      isRight: (results) => Array.isArray(results) && results.every((result) => result === true),
    },
  ];
}
