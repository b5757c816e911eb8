import { expect, setDefaultTimeout, test } from "bun:test";
import { newSessionId } from "../src/user/session-id.ts";
import { pngOf } from "./contract/images.ts";
import { COOKIE, type Front, startFront } from "./http-front.ts";
import { RawBrowser, type WholeAnswer } from "./raw-browser.ts";

// Bodies that come slowly: those of a phone are taken, those that only hold a place are not.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const API = "/api/entrytask/user";
/** A hundredth of the real times. */
const LIMITS = { deadlineMs: 4000, windowBytes: 4000, windowMs: 1000, budgetBytes: 200_000 };
const FORM_TYPE = "multipart/form-data; boundary=X";
const HEAD = '--X\r\nContent-Disposition: form-data; name="profilePic"; filename="a"\r\n\r\n';
const END = "\r\n--X--\r\n";
/** Every 100 ms: ten times the least rate, since the steps are late on a busy machine. */
const STEP_BYTES = 4000;
const PICTURE = pngOf(2, 2, [1, 2, 3]);

type Body = readonly [endpoint: string, type: string, bytes: number | undefined];

const BODIES: Readonly<Record<string, Body>> = {
  "an upload whose length is known": ["update_profile_pic", FORM_TYPE, 100_000],
  "an upload in chunks": ["update_profile_pic", FORM_TYPE, undefined],
  "short JSON": ["signin", "application/json", 60],
  "long JSON": ["signin", "application/json", 60_000],
  "JSON in chunks": ["signin", "application/json", undefined],
  "a form for a session": ["update_nickname", "application/x-www-form-urlencoded", 60],
};

/** A request whose head is sent and whose body is not. */
async function begin(front: Front, [endpoint, type, bytes]: Body, cookie = COOKIE) {
  const browser = await RawBrowser.connect(front.url);
  const length = bytes === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
  browser.send(
    `POST ${API}/${endpoint} HTTP/1.1\r\nHost: portico\r\nCookie: ${cookie}\r\n` +
      `Content-Type: ${type}\r\n${length}\r\n\r\n`,
  );
  const send = (text: string | Uint8Array) => {
    if (bytes !== undefined) return browser.send(text);
    browser.send(`${text.length.toString(16)}\r\n`);
    browser.send(text);
    browser.send("\r\n");
  };
  return { browser, send, [Symbol.dispose]: () => browser.leave() };
}

/** Send `text`, if it is any, every 100 ms until there is an answer. */
async function trickle(
  { browser, send }: { browser: RawBrowser; send: (text: string) => void },
  text: string,
): Promise<{ answer: WholeAnswer; ms: number }> {
  const begunAt = performance.now();
  const timer = setInterval(() => text && send(text), 100);
  try {
    const answer = await browser.answer();
    return { answer, ms: performance.now() - begunAt };
  } finally {
    clearInterval(timer);
  }
}

function expectTooSlow({ status, head, body }: WholeAnswer, shown = ""): void {
  expect([shown, status, JSON.parse(body).errCode]).toEqual([shown, 400, "6"]);
  expect(head).toMatch(
    /^x-error-detail: body: at least 4000 bytes in any 1 s, and all within \d+ s/im,
  );
}

test("a body that is too slow is refused after a window, with few bytes or none", async () => {
  // Longer than the test: it is the rate that ends them, not the deadline.
  await using front = await startFront({}, { bodyLimits: { ...LIMITS, deadlineMs: 600_000 } });
  const cases = Object.entries(BODIES).flatMap(([name, body]) => [
    { name: `${name}, silent`, body, text: "" },
    { name: `${name}, a byte now and then`, body, text: "x" },
  ]);
  const ended = cases.map(async ({ name, body, text }) => {
    using begun = await begin(front, body, `sessionID=${newSessionId(name)}`);
    return { name, ...(await trickle(begun, text)) };
  });
  for (const { answer, ms, name } of await Promise.all(ended)) {
    expectTooSlow(answer, name);
    expect(ms, name).toBeGreaterThan(LIMITS.windowMs * 0.95);
  }
});

test("an upload above the minimum rate ends at its deadline, not before", async () => {
  await using front = await startFront({}, { bodyLimits: { ...LIMITS, budgetBytes: 2_000_000 } });
  using begun = await begin(front, ["update_profile_pic", FORM_TYPE, 1_000_000]);
  const { answer, ms } = await trickle(begun, "x".repeat(STEP_BYTES));
  expectTooSlow(answer);
  expect(ms).toBeGreaterThan(LIMITS.deadlineMs * 0.9);
});

test("a steady upload may take longer than Bun's idle timeout", async () => {
  const bodyLimits = { ...LIMITS, deadlineMs: 60_000, budgetBytes: 2_000_000 };
  await using front = await startFront({}, { bodyLimits, idleTimeoutSeconds: 2 });
  const filling = Buffer.alloc(90 * STEP_BYTES);
  const whole = Buffer.concat([Buffer.from(HEAD), PICTURE, filling, Buffer.from(END)]);
  const upload = async (bytes: number | undefined) => {
    using begun = await begin(front, ["update_profile_pic", FORM_TYPE, bytes]);
    for (let at = 0; at < whole.length; at += STEP_BYTES) {
      begun.send(whole.subarray(at, at + STEP_BYTES));
      await Bun.sleep(100);
    }
    if (bytes === undefined) begun.browser.send("0\r\n\r\n");
    return (await begun.browser.answer()).status;
  };
  expect(await Promise.all([upload(whole.length), upload(undefined)])).toEqual([200, 200]);
});

test("short bodies in two parts are read, and the connection can be used again", async () => {
  await using front = await startFront({}, { bodyLimits: LIMITS });
  using begun = await begin(front, ["signin", "application/json", 46]);
  begun.send('{"username":"grace",');
  await Bun.sleep(LIMITS.windowMs / 2);
  begun.send('"password":"hopper1906"}  ');
  expect((await begun.browser.answer()).status).toBe(200);
  expect((await begun.browser.get("/signIn.html")).status).toBe(200);
});

test("bodies share a memory budget; above it, the answer has Retry-After", async () => {
  await using front = await startFront({}, { bodyLimits: { ...LIMITS, windowBytes: 0 } });
  const body = ["update_profile_pic", FORM_TYPE, 150_000] as const;
  const sessions = ["first", "second"].map((name) => `sessionID=${newSessionId(name)}`);
  using first = await begin(front, body, sessions[0]);
  first.send(HEAD + "x".repeat(130_000));
  using second = await begin(front, body, sessions[1]);
  await Bun.sleep(200);
  second.send(HEAD + "x".repeat(100_000));
  const { status, head } = await second.browser.answer();
  expect([status, /^retry-after: ([1-9]\d*)/im.test(head)]).toEqual([503, true]);
  first.browser.leave();
  // What was held is free again, of both of them.
  using third = await begin(front, body, sessions[1]);
  await Bun.sleep(200);
  third.send(HEAD + "x".repeat(150_000 - HEAD.length - END.length) + END);
  expect((await third.browser.answer()).status).not.toBe(503);
});
