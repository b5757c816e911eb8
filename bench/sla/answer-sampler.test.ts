import { expect, test } from "bun:test";
import { AnswerSampler, type Ask, askForProfiles, askForSessions } from "./answer-sampler.ts";

const USER = { username: "grace", password: "hopper1906" };
const COOKIE = "sessionID=b0a49a50-5b0b-3c5c-9a2c-2b6d3f4e8a11; Path=/";
const PROFILE = { username: "grace", nickname: "grace", profilePath: "default.webp" };

/** How the sampler judges one answer. */
async function judged(
  ask: (origin: string) => Ask,
  answer: () => Response,
): Promise<Pick<AnswerSampler, "checked" | "wrong" | "firstWrong">> {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const sampler = new AnswerSampler(ask(server.url.origin));
  await sampler.end();
  const { checked, wrong, firstWrong } = sampler;
  return { checked, wrong, firstWrong };
}

const success = (data: unknown, init?: ResponseInit) =>
  Response.json({ errCode: "7", errMsg: "success", data }, init);
const askForProfile = (origin: string) =>
  askForProfiles(origin, [{ username: "grace", cookie: COOKIE }]);
const askForSession = (origin: string) => askForSessions(origin, () => USER);
const headers = { "Set-Cookie": COOKIE };

const RIGHT = { checked: 1, wrong: 0, firstWrong: undefined };
const WRONG = { checked: 1, wrong: 1 };

test("a profile is right if it is the user's own, with 200 and nothing else", async () => {
  expect(await judged(askForProfile, () => success(PROFILE))).toEqual(RIGHT);
  const others = [
    success({ ...PROFILE, nickname: "amy" }),
    success({ ...PROFILE, more: 1 }),
    success(PROFILE, { status: 201 }),
    success(""),
    new Response("no JSON"),
  ];
  for (const other of others) {
    expect(await judged(askForProfile, () => other)).toMatchObject(WRONG);
  }
});

test("a sign-in is right if it sets a session cookie", async () => {
  expect(await judged(askForSession, () => success("", { headers }))).toEqual(RIGHT);
  expect(await judged(askForSession, () => success(""))).toMatchObject(WRONG);
  const version4 = { "Set-Cookie": COOKIE.replace("-3c5c-", "-4c5c-") };
  expect(await judged(askForSession, () => success("", { headers: version4 }))).toMatchObject(
    WRONG,
  );
});

test("a refused sign-in does not count, and without Retry-After it is wrong", async () => {
  const refused = (init: ResponseInit) => new Response("", { status: 503, ...init });
  const later = { headers: { "Retry-After": "1" } };
  expect(await judged(askForSession, () => refused(later))).toEqual({ ...RIGHT, checked: 0 });
  expect(await judged(askForSession, () => refused({}))).toEqual({
    ...WRONG,
    firstWrong: "Error: 503 ",
  });
});
