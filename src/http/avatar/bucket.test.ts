import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sharedS3, type TestBucket } from "../../../test/s3.ts";
import {
  answers,
  breaksAfter,
  type Fault,
  hangs,
  losesAnswerAfter,
  passes,
  S3Line,
} from "../../../test/s3-line.ts";
import { RpcError, type RpcStatus } from "../../rpc/error.ts";
import { AvatarBucket } from "./bucket.ts";
import { MAX_PICTURE_BYTES, newPictureName } from "./store.ts";

// A real server: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** In place of 5 s where S3 does not answer. */
const SHORT_DEADLINE_MS = 500;
const SECRETS = /S3RVER|X-Amz|Signature=/i;

const picture = new Uint8Array(20_000).fill(7);
const newBucket = async () => (await sharedS3()).createBucket();

/** A bucket, and a line to it on which something goes wrong. */
async function openLine(deadlineMs?: number) {
  const [{ port }, bucket] = await Promise.all([sharedS3(), newBucket()]);
  const line = await S3Line.open(port);
  const avatars = new AvatarBucket(bucket.through(line.port).access, deadlineMs);
  return { line, bucket, avatars, [Symbol.asyncDispose]: () => line[Symbol.asyncDispose]() };
}

async function errorOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof RpcError)) throw new Error(`Not an RpcError: ${error}`);
  expect(Bun.inspect(error)).not.toMatch(SECRETS);
  return error;
}

describe("a bucket", () => {
  test("keeps a picture, in the folder of AVATAR_URL, until it is removed", async () => {
    const bucket = await newBucket();
    const avatars = new AvatarBucket(bucket.access);
    const name = newPictureName();
    expect(await avatars.find(name)).toBeUndefined();
    await avatars.save(name, picture);
    expect(await bucket.names()).toEqual([name]);
    expect(await avatars.find(name)).toEqual(picture);
    await avatars.remove(name);
    await avatars.remove(name);
    expect(await avatars.find(name)).toBeUndefined();
    expect(await bucket.names()).toEqual([]);
  });

  test("is not asked for a name that is not a picture's", async () => {
    await using opened = await openLine();
    for (const name of ["../secret.webp", "a/b.webp", "a.png", "?list-type=2", ""]) {
      expect(await opened.avatars.find(name)).toBeUndefined();
    }
    expect(opened.line.requests).toEqual([]);
  });

  test("does not return an object that is too large for a picture", async () => {
    const bucket = await newBucket();
    await bucket.write("large.webp", new Uint8Array(MAX_PICTURE_BYTES + 1));
    const error = await errorOf(new AvatarBucket(bucket.access).find("large.webp"));
    expect([error.status, error.message]).toEqual([
      "internal",
      "Cannot read picture: S3 answered with over 524288 bytes",
    ]);
  });

  test("does not decompress an object that is too large either", async () => {
    const packed = Bun.gzipSync(new Uint8Array(64 * 1024 * 1024));
    using server = Bun.serve({
      port: 0,
      fetch: () => new Response(packed, { headers: { "Content-Encoding": "gzip" } }),
    });
    const { access } = await newBucket();
    const avatars = new AvatarBucket({ ...access, endpoint: server.url.origin });
    const error = await errorOf(avatars.find(newPictureName()));
    expect([error.status, error.message]).toEqual([
      "internal",
      "Cannot read picture: S3 answered with over 524288 bytes",
    ]);
  });

  const wrong = (access: Partial<TestBucket["access"]>) => access;
  test.each([
    [wrong({}), undefined],
    [wrong({ secretAccessKey: "wrong" }), "SignatureDoesNotMatch"],
    [wrong({ accessKeyId: "wrong" }), "InvalidAccessKeyId"],
    [wrong({ bucket: "nowhere" }), "NoSuchBucket"],
  ])("with %o is refused with %p, and does nothing", async (access, code) => {
    const bucket = await newBucket();
    const avatars = new AvatarBucket({ ...bucket.access, ...access });
    expect(await avatars.checkAccess()).toBe(code);
    if (code === undefined) return;
    const name = newPictureName();
    for (const call of [() => avatars.save(name, picture), () => avatars.find(name)]) {
      const error = await errorOf(call());
      expect([error.status, error.message]).toEqual(["unavailable", expect.stringContaining(code)]);
    }
    expect(await bucket.names()).toEqual([]);
  });
});

// Each on a line of its own, so that their pauses and deadlines pass at the same time.
describe.concurrent("an S3 that fails", () => {
  const once = (fault: Fault) => [fault, passes];

  test.each<[string, Fault[]]>([
    ["is overloaded", once(answers(503, "SlowDown"))],
    ["is broken", [answers(500, "InternalError"), answers(502, ""), passes]],
    ["refuses the rate", once(answers(429, "TooManyRequests"))],
    ["breaks off before it has read", once(breaksAfter(0))],
    ["breaks off as it reads", once(breaksAfter(300))],
    ["breaks off before it answers", once(losesAnswerAfter(0))],
    ["breaks off as it answers", once(losesAnswerAfter(20))],
  ])("for a moment (it %s) gets a retry", async (_, script) => {
    await using opened = await openLine();
    const { line, avatars, bucket } = opened;
    const name = newPictureName();
    for (const step of [
      () => avatars.save(name, picture),
      async () => expect(await avatars.find(name)).toEqual(picture),
      () => avatars.remove(name),
      async () => expect(await avatars.checkAccess()).toBeUndefined(),
    ]) {
      line.script = script;
      line.requests.length = 0;
      await step();
      expect(line.requests).toHaveLength(script.length);
    }
    expect(await bucket.names()).toEqual([]);
  });

  test.each<[string, Fault, number, RpcStatus, string]>([
    ["overloaded", answers(503, "SlowDown"), 3, "unavailable", "S3 answered 503 SlowDown"],
    ["broken", answers(500, "InternalError"), 3, "unavailable", "S3 answered 500 InternalError"],
    ["not for us", answers(403, "AccessDenied"), 1, "unavailable", "S3 answered 403 AccessDenied"],
    ["no S3", answers(404, ""), 1, "unavailable", "S3 answered 404"],
    ["elsewhere", answers(301, "PermanentRedirect"), 1, "unavailable", "PermanentRedirect"],
    ["cut off", breaksAfter(300), 3, "unavailable", "S3 cannot be reached: "],
    ["hanging", hangs, 1, "deadline_exceeded", "S3 did not answer within 500 ms"],
  ])("and stays %s is an error within the deadline", async (_, fault, tries, status, message) => {
    await using opened = await openLine(SHORT_DEADLINE_MS * (fault === hangs ? 1 : 20));
    const { line, avatars, bucket } = opened;
    line.script = [fault];
    const name = newPictureName();
    for (const [action, call] of [
      ["save", () => avatars.save(name, picture)],
      ["read", () => avatars.find(name)],
      ["remove", () => avatars.remove(name)],
    ] as const) {
      line.requests.length = 0;
      const error = await errorOf(call());
      expect(error.status).toBe(status);
      expect(error.message).toStartWith(`Cannot ${action} picture: `);
      expect(error.message).toContain(message);
      expect(line.requests).toHaveLength(tries);
    }
    // A picture is one request: half of it is nothing, and there are no parts of it anywhere.
    expect(await bucket.names()).toEqual([]);
  });

  test("without a listener is an error within the deadline", async () => {
    const { access } = await newBucket();
    const gone = new AvatarBucket({ ...access, endpoint: "http://127.0.0.1:1" });
    const error = await errorOf(gone.save(newPictureName(), picture));
    expect(error.status).toBe("unavailable");
    expect(error.message).toBe("Cannot save picture: S3 cannot be reached: ECONNREFUSED");
  });

  test("in the middle of a picture is an error, not half a picture", async () => {
    await using opened = await openLine();
    const { line, avatars } = opened;
    const name = newPictureName();
    await avatars.save(name, picture);
    line.script = [losesAnswerAfter(5000)];
    expect((await errorOf(avatars.find(name))).status).toBe("unavailable");
  });
});
