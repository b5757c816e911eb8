import { expect, setDefaultTimeout, test } from "bun:test";
import { account, HARMLESS_CALLS, handleOf, NEW_PASSWORD, sessionsOf } from "./account-calls.ts";
import {
  type Answer,
  Api,
  newMember,
  nicknameOf,
  profileOf,
  sessionIdOf,
  signInAgain,
  UNKNOWN_SESSION,
} from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeHttp, sharedStack } from "./pairs.ts";
import { sendRaw } from "./raw-http.ts";

// Several cookies of one name: another site of the domain, or another path, has set one more.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const CLEARED = "sessionID=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";

const PNG = pngOf(2, 2, [1, 2, 3]);

/** Every endpoint that takes the cookie. Signing out comes last. */
const CALLS: Readonly<Record<string, (api: Api) => Promise<Answer>>> = {
  "user info": (api) => api.userInfo(),
  nickname: (api) => api.nickname("Grace"),
  ...HARMLESS_CALLS,
  avatar: (api) => api.avatar(avatarForm(PNG)),
  "sign-out by POST": (api) => api.signOut("POST"),
};

describeHttp("several cookies named sessionID", (pair) => {
  const shared = sharedStack(pair);

  /** The one session that is good, among others. */
  const HEADERS: Readonly<Record<string, (id: string, ended: string) => string>> = {
    "a foreign one first": (id) => `sessionID=abc; sessionID=${id}`,
    "one that nobody was given": (id) => `sessionID=${UNKNOWN_SESSION}; sessionID=${id}`,
    "an ended one": (id, ended) => `sessionID=${ended}; sessionID=${id}`,
    "an ended one behind it": (id, ended) => `sessionID=${id}; sessionID=${ended}`,
    "an empty one": (id) => `sessionID=; sessionID=${id}`,
    "one without a value": (id) => `sessionID; sessionID=${id}`,
    "one that is a pair of quotes": (id) => `sessionID=""; sessionID=${id}`,
    "the good one in quotes": (id) => `sessionID="${id}"`,
    "both in quotes": (id, ended) => `a="b; c"; sessionID="${ended}"; sessionID="${id}"`,
    "blanks around": (id) => `sessionID =x;sessionID = ${id} ;b=c`,
    "the same one twice": (id, ended) => `sessionID=${ended}; sessionID=${ended}; sessionID=${id}`,
    "seven others": (id) =>
      `${Array.from({ length: 7 }, (_, index) => `sessionID=${other(index)}`).join("; ")}; sessionID=${id}`,
    "many that are none": (id) => `${"sessionID=x; ".repeat(100)}sessionID=${id}`,
  };

  test.each(Object.entries(HEADERS))("with %s find the session", async (_, make) => {
    const member = await newMember(shared.stack);
    const gone = await signInAgain(member);
    await gone.signOut();
    const ended = gone.cookie?.slice("sessionID=".length) ?? "";
    const api = new Api(shared.stack.url, make(member.sessionId, ended));
    for (const [name, call] of Object.entries(CALLS)) {
      expect([name, (await call(api)).code]).toEqual([name, "7"]);
    }
    // The sign-out has ended it, whichever it was of them.
    expect((await member.api.userInfo()).code).toBe("2");
    expect((await api.signOut()).code).toBe("2");
  });

  test("find the first of two sessions, and sign-out ends only that one", async () => {
    const [one, two] = [await newMember(shared.stack), await newMember(shared.stack)];
    const both = new Api(
      shared.stack.url,
      `sessionID=${one.sessionId}; sessionID=${two.sessionId}`,
    );
    expect(profileOf(await both.userInfo()).username).toBe(one.username);
    expect((await both.nickname("First")).code).toBe("7");
    expect([await nicknameOf(one.api), await nicknameOf(two.api)]).toEqual(["First", two.username]);
    const out = await both.signOut();
    expect(out.headers.getSetCookie()).toEqual([expect.stringContaining("sessionID=; ")]);
    expect(profileOf(await both.userInfo()).username).toBe(two.username);
  });

  test("lead / to the user info by any of them, or to the sign-in without a session", async () => {
    const { sessionId } = await newMember(shared.stack);
    const home = async (cookie: string) =>
      (await new Api(shared.stack.url, cookie).fetch("GET", "/")).headers.get("location");
    expect(await home(`sessionID=x; sessionID=${UNKNOWN_SESSION}; sessionID=${sessionId}`)).toBe(
      "/userInfo.html",
    );
    const none = `sessionID=x; sessionID=${UNKNOWN_SESSION}; sessionID=${other(1)}`;
    expect(await home(none)).toBe("/signIn.html");
    for (const call of Object.values(CALLS)) {
      expect((await call(new Api(shared.stack.url, none))).code).toBe("2");
    }
  });

  test("find the session that a change of password, its end and a deletion are for", async () => {
    const behindOthers = (sessionId: string) =>
      new Api(shared.stack.url, `sessionID=${UNKNOWN_SESSION}; x=y; sessionID=${sessionId}`);
    const member = await newMember(shared.stack);
    const changed = await account.changePassword(behindOthers(member.sessionId));
    expect(changed.code).toBe("7");
    const api = behindOthers(sessionIdOf(changed));
    expect(await sessionsOf(api)).toMatchObject([{ current: true }]);
    const ended = await account.endSession(api, handleOf(sessionIdOf(changed)));
    expect([ended.code, ended.headers.getSetCookie()]).toEqual(["7", [CLEARED]]);
    const back = await new Api(api.url).signIn(member.username, NEW_PASSWORD);
    const last = behindOthers(sessionIdOf(back));
    const deleted = await account.deleteAccount(last, NEW_PASSWORD);
    expect([deleted.code, deleted.headers.getSetCookie()]).toEqual(["7", [CLEARED]]);
    expect((await last.userInfo()).code).toBe("2");
  });

  test("may be in two Cookie headers", async () => {
    const { sessionId } = await newMember(shared.stack);
    const { status } = await sendRaw(
      shared.stack.url,
      "GET /api/entrytask/user/get_user_info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
        `Cookie: a=b; sessionID=${UNKNOWN_SESSION}\r\nCookie: sessionID=${sessionId}\r\n\r\n`,
    );
    expect(status).toBe(200);
  });

  test("are looked up eight times at most", async () => {
    const { sessionId } = await newMember(shared.stack);
    const others = Array.from({ length: 8 }, (_, index) => `sessionID=${other(index)}; `);
    const api = new Api(shared.stack.url, `${others.join("")}sessionID=${sessionId}`);
    expect((await api.userInfo()).code).toBe("2");
  });
});

/** Session ids that nobody was given. */
function other(index: number): string {
  return UNKNOWN_SESSION.replace(/^./, `${index}`);
}
