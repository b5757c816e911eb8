import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { PictureNames, UserService } from "../src/gen/user.ts";
import { AvatarBucket } from "../src/http/avatar/bucket.ts";
import { newPictureName } from "../src/http/avatar/store.ts";
import { findUnused, removeAll } from "../src/http/avatar/sweep.ts";
import { DomainError } from "../src/rpc/error.ts";
import { avatarForm, noisyPng } from "./contract/images.ts";
import { COOKIE, type Front, startFront } from "./http-front.ts";
import { type S3Server, sharedS3, startS3, type TestBucket } from "./s3.ts";
import {
  answers,
  breaksAfter,
  comesLate,
  type Fault,
  hangs,
  later,
  passes,
  S3Line,
} from "./s3-line.ts";
import { eventually } from "./storage-pairs.ts";

// Pictures on an S3 that is away, slow, overloaded, or dies: what browsers see, and what stays.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SHORT_DEADLINE_MS = 500;
/** Nothing of this may be in a log: the keys, and what a signed URL is made of. */
const SECRETS = /S3RVER|X-Amz|Signature=|hopper|sessionID/i;
const PNG = noisyPng(200, 200);
/** Behind the head of an upload, before its end. */
const HALF_BYTES = 5000;
const FAILED = { errCode: "0", errMsg: "ServerError", data: "" };

interface Setup {
  readonly handlers?: Partial<UserService>;
  /** As in production, unless the test waits for it. */
  readonly deadlineMs?: number | undefined;
  readonly pictureTimeoutMs?: number;
  /** Of this test alone, to be hurt. */
  readonly ownS3?: S3Server;
}

/** The HTTP tier with its pictures on S3, and the line between them. */
async function openFront({ handlers = {}, deadlineMs, ownS3, ...times }: Setup = {}) {
  await using cleanup = new AsyncDisposableStack();
  const s3 = ownS3 ?? (await sharedS3());
  const bucket = await s3.createBucket();
  const line = cleanup.use(await S3Line.open(s3.port));
  const avatars = new AvatarBucket(bucket.through(line.port).access, deadlineMs);
  const front = cleanup.use(await startFront(handlers, { avatars, ...times }));
  const opened = cleanup.move();
  return { bucket, line, front, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function upload(front: Front): Promise<Response> {
  return fetch(`${front.url}/api/entrytask/user/update_profile_pic`, {
    method: "POST",
    headers: { Cookie: COOKIE },
    body: avatarForm(PNG),
  });
}

const show = (front: Front, name: string) => fetch(`${front.url}/avatars/${name}`);

async function expectFailed(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual(FAILED);
  expect(response.headers.get("cache-control")).toBe("no-store");
  if (status === 503) expect(response.headers.get("retry-after")).toBe("1");
}

/** What a sweep does, once all is old enough. No profile uses any of them. */
async function sweep({ access }: TestBucket): Promise<void> {
  const avatars = new AvatarBucket(access);
  const user = {
    findUnusedPictures: async (asked: PictureNames) => ({ unused: asked.profilePaths }),
  };
  const { unused } = await findUnused({ avatars, user }, new Date(Date.now() + 60_000));
  expect(await removeAll(avatars, unused)).toEqual([]);
}

const isEmpty = (bucket: TestBucket) => async () => (await bucket.names()).length === 0;

const FAULTS: [string, Fault, number, string][] = [
  ["hangs", hangs, 504, "S3 did not answer within 500 ms"],
  ["is overloaded", answers(503, "SlowDown"), 503, "S3 answered 503 SlowDown"],
  ["is broken", answers(500, "InternalError"), 503, "S3 answered 500 InternalError"],
  ["refuses us", answers(403, "AccessDenied"), 503, "S3 answered 403 AccessDenied"],
  ["has lost its bucket", answers(404, "NoSuchBucket"), 503, "S3 answered 404 NoSuchBucket"],
  ["breaks off", breaksAfter(300), 503, "S3 cannot be reached"],
];

describe.concurrent("an S3 that", () => {
  test("always breaks off in the middle of a picture leaves no file", async () => {
    await using opened = await openFront();
    const { front, line, bucket } = opened;
    const upToHalf = breaksAfter(HALF_BYTES);
    line.script = [upToHalf, upToHalf, upToHalf, passes];
    await expectFailed(await upload(front), 503);
    const methods = line.requests.map((request) => request.split(" ")[0]);
    expect(methods.slice(0, 4)).toEqual(["PUT", "PUT", "PUT", "DELETE"]);
    await eventually("nothing is left", isEmpty(bucket));
  });

  test.each(FAULTS)("%s fails an upload and leaves no file", async (_, fault, status, reason) => {
    const deadlineMs = fault === hangs ? SHORT_DEADLINE_MS : undefined;
    await using opened = await openFront({ deadlineMs });
    const { front, line, bucket } = opened;
    line.script = [fault];
    await expectFailed(await upload(front), status);
    expect([...front.calls.methods.keys()]).toEqual(["User.getUserInfo"]);
    const lines = front.logTexts.filter((text) => text.includes("update_profile_pic"));
    expect(lines).toEqual([expect.stringContaining(reason)]);
    expect(lines[0]).toContain('"level":"warn"');
    line.script = [passes];
    expect(await bucket.names()).toEqual([]);
    await eventually("it works", async () => (await upload(front)).status === 200);
    expect(front.logTexts.join("\n")).not.toMatch(SECRETS);
  });

  test.each(FAULTS)("%s gets an error of the table for a picture", async (_, fault, status) => {
    const deadlineMs = fault === hangs ? SHORT_DEADLINE_MS : undefined;
    await using opened = await openFront({ deadlineMs });
    const { front, line } = opened;
    line.script = [fault];
    const name = newPictureName();
    await expectFailed(await show(front, name), status);
    const head = await fetch(`${front.url}/avatars/${name}`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([status, ""]);
    expect(front.logged[0]).toEqual({ level: "warn", event: `GET /avatars/:name ${status}` });
    const asked = line.requests.length;
    expect((await show(front, "default.webp")).status).toBe(200);
    expect(line.requests).toHaveLength(asked);
    expect(front.logTexts.join("\n")).not.toMatch(SECRETS);
  });
});

describe.concurrent("a picture on S3", () => {
  test("is served with the headers of a picture, and is 404 if it has vanished", async () => {
    await using opened = await openFront();
    const { front, bucket } = opened;
    const { data } = await (await upload(front)).json();
    const response = await show(front, data.profilePath);
    expect(response.headers.get("content-type")).toBe("image/webp");
    expect(response.headers.get("cache-control")).toBe("public, max-age=86400");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'; ");
    const size = `${(await response.bytes()).length}`;
    const head = await fetch(response.url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, size]);
    await new AvatarBucket(bucket.access).remove(data.profilePath);
    const gone = await show(front, data.profilePath);
    expect(gone.status).toBe(404);
    expect(await gone.json()).toEqual({ errCode: "6", errMsg: "InvalidParamsError", data: "" });
  });

  test("that S3 was saving when it died is removed by the sweep when it is back", async () => {
    await using s3 = await startS3();
    await using opened = await openFront({ ownS3: s3 });
    const { front, line, bucket } = opened;
    const death = Promise.withResolvers<void>();
    const dies: Fault = ({ far }) => {
      return (chunk) =>
        far.write(chunk.subarray(0, HALF_BYTES), () => s3.kill().then(death.resolve));
    };
    line.script = [dies, passes];
    await expectFailed(await upload(front), 503);
    await death.promise;
    await s3.restart();
    await sweep(bucket);
    const { data } = await (await upload(front)).json();
    expect(await bucket.names()).toEqual([data.profilePath]);
  });

  test("that S3 saves after its upload has failed is removed by the sweep", async () => {
    await using opened = await openFront({ deadlineMs: SHORT_DEADLINE_MS });
    const { front, line, bucket } = opened;
    const late = Promise.withResolvers<void>();
    line.script = [comesLate(late.promise), passes];
    await expectFailed(await upload(front), 504);
    late.resolve();
    await eventually("it has come", async () => !(await isEmpty(bucket)()));
    await sweep(bucket);
    expect(await bucket.names()).toEqual([]);
  });

  test("whose profile is not updated is removed at once, or by the sweep", async () => {
    let removing: Fault[] = [passes];
    const updateProfilePic = async () => {
      line.script = removing;
      throw new DomainError("InvalidSessionError");
    };
    await using opened = await openFront({ handlers: { updateProfilePic } });
    const { front, line, bucket } = opened;
    expect((await upload(front)).status).toBe(401);
    expect(await bucket.names()).toEqual([]);
    line.script = [passes];
    removing = [answers(403, "AccessDenied")];
    expect((await upload(front)).status).toBe(401);
    expect(await bucket.names()).toHaveLength(1);
    const failed = "cannot remove an unused picture: the next sweep removes it";
    expect(front.logged).toContainEqual({ level: "warn", event: failed });
    expect(front.logTexts.join("\n")).not.toMatch(SECRETS);
    await sweep(bucket);
    expect(await bucket.names()).toEqual([]);
  });
});

describe.concurrent("an upload ends within its timeout as a whole if S3 hangs", () => {
  const refuse = async () => {
    throw new DomainError("InvalidSessionError");
  };
  const TIMEOUT_MS = 3000;
  /** Far longer, so that even a busy machine cannot take the one for the other. */
  const STEP_DEADLINE_MS = 20_000;
  /** Three of them in a row, each in time, would be a 503. */
  const failsLate = later(2000, answers(500, "InternalError"));

  test.each<[string, Fault[], Partial<UserService>, number]>([
    ["as it saves", [hangs], {}, 504],
    ["as it saves, at the second try", [answers(500, "InternalError"), hangs], {}, 504],
    ["as it saves, in all tries together", [failsLate], {}, 504],
    ["as it removes what has failed", [passes, hangs], { updateProfilePic: refuse }, 401],
    [
      "as it removes, at the second try",
      [passes, answers(503, "SlowDown"), hangs],
      { updateProfilePic: refuse },
      401,
    ],
    ["at every step", [hangs], { updateProfilePic: refuse }, 504],
  ])("%s", async (_, script, handlers, status) => {
    await using opened = await openFront({
      handlers,
      deadlineMs: STEP_DEADLINE_MS,
      pictureTimeoutMs: TIMEOUT_MS,
    });
    const { front, line } = opened;
    line.script = [passes];
    // The process that decodes has started then.
    await upload(front);
    line.script = script;
    const begunAt = performance.now();
    expect((await upload(front)).status).toBe(status);
    expect(performance.now() - begunAt).toBeLessThan(STEP_DEADLINE_MS / 2);
  });
});

// By itself: it takes all the connections that this process may have.
test("an S3 that hangs fails many requests at once, all within their timeout", async () => {
  await using opened = await openFront({ deadlineMs: SHORT_DEADLINE_MS });
  const { front, line } = opened;
  line.script = [hangs];
  // More than Bun has connections for at once.
  const asking = Array.from({ length: 400 }, () => show(front, newPictureName()));
  const statuses = (await Promise.all(asking)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([504]));
  line.script = [passes];
  const isNone = async () => (await show(front, newPictureName())).status === 404;
  await eventually("it works", isNone);
});
