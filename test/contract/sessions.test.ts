import { describe, expect, setDefaultTimeout, test } from "bun:test";
import pLimit from "p-limit";
import { startStack } from "../stack.ts";
import { ACCOUNT_CALLS, ACCOUNT_ENDPOINTS, account } from "./account-calls.ts";
import {
  type Answer,
  Api,
  ENDPOINTS,
  newMember,
  nicknameOf,
  profileOf,
  sessionIdOf,
  signInAgain,
  UNKNOWN_SESSION,
  UUID_V3,
} from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeAllPairs, describeHttp, describePairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const SECURE_URL = "https://accounts.example";
const RED_PNG = pngOf(2, 2, [255, 0, 0]);

/** Without a session, as cookies: one that there could be, one that there could not, and none. */
const BAD_SESSIONS = [`sessionID=${UNKNOWN_SESSION}`, "sessionID=x", undefined];

/** Every endpoint that takes the cookie, called with all else right. */
const CALLS: Readonly<Record<string, (api: Api) => Promise<Answer>>> = {
  "user info": (api) => api.userInfo(),
  nickname: (api) => api.nickname("Grace"),
  ...ACCOUNT_CALLS,
  avatar: (api) => api.avatar(avatarForm(RED_PNG)),
  "sign-out by GET": (api) => api.signOut("GET"),
  "sign-out by POST": (api) => api.signOut("POST"),
};

/** The attributes behind the first, in an order of their own. */
function attributesOf(answer: Answer): string[] {
  const [cookie = ""] = answer.headers.getSetCookie();
  return cookie.split("; ").slice(1).sort();
}

describeAllPairs("sessions", (pair) => {
  const shared = sharedStack(pair);
  const api = () => new Api(shared.stack.url);

  describe("the session id", () => {
    test("is a UUID of version 3 in lower case, and never the same twice", async () => {
      const { username, password, sessionId } = await newMember(shared.stack);
      // If all came at once, a busy machine might not answer the last ones by their deadline.
      const few = pLimit(4);
      const signIn = () => few(() => api().signIn(username, password));
      const answers = await Promise.all(Array.from({ length: 40 }, signIn));
      const ids = [sessionId, ...answers.map(sessionIdOf)];
      for (const id of ids) expect(id).toMatch(UUID_V3);
      expect(new Set(ids).size).toBe(ids.length);
      // Of 128 bits, six are fixed. The rest, MD5, have no part that stays.
      for (const at of [0, 9, 15, 20, 24, 30]) {
        expect(new Set(ids.map((id) => id.slice(at, at + 3))).size).toBeGreaterThan(10);
      }
    });

    test.each([
      ["no cookie", undefined],
      ["an empty cookie header", ""],
      ["an empty session", "sessionID="],
      ["no value", "sessionID"],
      ["a short text", "sessionID=x"],
      ["an unknown UUID of version 3", `sessionID=${UNKNOWN_SESSION}`],
      ["an unknown UUID of version 4", `sessionID=${crypto.randomUUID()}`],
      ["a UUID without hyphens", "sessionID=5df418813aed351588a72f4a814cf09e"],
      ["quotes", 'sessionID="5df41881-3aed-3515-88a7-2f4a814cf09e"'],
      ["a very long text", `sessionID=${"5".repeat(4000)}`],
      ["broken percent signs", "sessionID=%zz%"],
      ["a percent-encoded NUL", "sessionID=%00"],
      ["percent-encoded bytes that are not UTF-8", "sessionID=%ff%fe"],
      ["a percent-encoded lone surrogate", "sessionID=%ed%a0%80"],
      ["SQL", "sessionID=' OR '1'='1"],
      ["a wildcard", "sessionID=*"],
      ["a path", "sessionID=../../x"],
      ["a name of the prototype", "sessionID=__proto__"],
      ["letters of Latin-1", "sessionID=\u00e9\u00ff"],
      ["another cookie", "session=x; id=y"],
    ])("that is %s is answered with 2 by every endpoint", async (_, cookie) => {
      const visitor = cookie === undefined ? api() : api().withCookie(cookie);
      for (const [name, call] of Object.entries(CALLS)) {
        const answer = await call(visitor);
        expect([name, answer.code, answer.status]).toEqual([name, "2", 401]);
      }
    });

    test("is compared byte for byte, whole, and only in the cookie of its name", async () => {
      const { sessionId } = await newMember(shared.stack);
      for (const cookie of [
        `sessionID=${sessionId.toUpperCase()}`,
        `sessionID=${sessionId.slice(0, -1)}`,
        `sessionID=${sessionId}0`,
        `sessionid=${sessionId}`,
        `SESSIONID=${sessionId}`,
        `xsessionID=${sessionId}`,
        `sessionIDx=${sessionId}`,
        `other=sessionID=${sessionId}`,
      ]) {
        for (const [name, call] of Object.entries(CALLS)) {
          const answer = await call(api().withCookie(cookie));
          expect([cookie, name, answer.code]).toEqual([cookie, name, "2"]);
        }
      }
      expect((await api().withSession(sessionId).userInfo()).code).toBe("7");
    });

    test("is found among other cookies", async () => {
      const { sessionId, username } = await newMember(shared.stack);
      for (const cookie of [
        `a=1; sessionID=${sessionId}; b=2`,
        `sessionID=${sessionId}; theme=dark`,
        `theme=dark;sessionID=${sessionId}`,
        `a; =b; c==; %ff=%ff; sessionID=${sessionId}`,
        `xsessionID=wrong; sessionID=${sessionId}; sessionIDx=wrong; sessionid=wrong`,
      ]) {
        const info = await api().withCookie(cookie).userInfo();
        expect([cookie, profileOf(info).username]).toEqual([cookie, username]);
      }
    });

    test("is any string on the RPC, and an unknown one is InvalidSessionError", async () => {
      const { user } = shared.stack;
      for (const sessionId of ["", "x", "\0", "é😀", "' OR '1'='1", "a".repeat(20_000)]) {
        const calls = [
          () => user.getUserInfo({ sessionId }),
          () => user.signOut({ sessionId }),
          () => user.updateNickname({ sessionId, nickname: "x" }),
          () => user.updateProfilePic({ sessionId, profilePath: "x.webp" }),
        ];
        for (const call of calls) await expect(call()).rejects.toThrow("InvalidSessionError");
      }
    });
  });

  describe("the cookie", () => {
    test("of a sign-in has exactly the attributes of the contract", async () => {
      const { username, password } = await newMember(shared.stack);
      const answer = await api().signIn(username, password);
      const id = sessionIdOf(answer);
      const [cookie] = answer.headers.getSetCookie();
      expect(cookie).toBe(`sessionID=${id}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax`);
    });

    test("is set only by a sign-in and a sign-out", async () => {
      const { api: member, username, password } = await newMember(shared.stack);
      for (const answer of [
        await member.userInfo(),
        await member.nickname("x"),
        await member.avatar(avatarForm(RED_PNG)),
        await member.signUp(username, password),
        await member.signIn(username, "wrong-pass"),
        await member.signIn("nobody", password),
      ]) {
        expect(answer.headers.getSetCookie()).toEqual([]);
      }
    });

    test.each(["GET", "POST"] as const)("is cleared by a sign-out by %s", async (method) => {
      const { api: member } = await newMember(shared.stack);
      const answer = await member.signOut(method);
      expect(answer.text).toBe('{"errCode":"7","errMsg":"success","data":""}');
      expect(sessionIdOf(answer)).toBe("");
      const attributes = attributesOf(answer).filter((text) => !text.startsWith("Expires="));
      expect(attributes).toEqual(["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax"]);
    });
  });

  describe("sign-out", () => {
    test.each(["GET", "POST"] as const)(
      "by %s ends the session for all clients",
      async (method) => {
        const { api: member, sessionId } = await newMember(shared.stack);
        const rpc = shared.stack.anotherClient();
        expect(await rpc.getUserInfo({ sessionId })).toBeObject();
        expect((await member.signOut(method)).code).toBe("7");
        for (const [name, call] of Object.entries(CALLS)) {
          const answer = await call(api().withSession(sessionId));
          expect([name, answer.code]).toEqual([name, "2"]);
        }
        await expect(rpc.getUserInfo({ sessionId })).rejects.toThrow("InvalidSessionError");
        await expect(shared.stack.user.signOut({ sessionId })).rejects.toThrow(
          "InvalidSessionError",
        );
      },
    );

    test("over the RPC ends the session over HTTP", async () => {
      const { api: member, sessionId } = await newMember(shared.stack);
      await shared.stack.user.signOut({ sessionId });
      expect((await member.userInfo()).code).toBe("2");
    });

    test("by HEAD or prefetch ends no session", async () => {
      const { api: member } = await newMember(shared.stack);
      const head = await member.fetch("HEAD", ENDPOINTS.signOut.path);
      expect([head.status, head.headers.get("allow")]).toEqual([405, "GET, POST"]);
      const put = await member.send("PUT", ENDPOINTS.signOut.path);
      expect(put.headers.get("allow")).toBe("GET, POST");
      for (const headers of [
        { "Sec-Purpose": "prefetch" },
        { "Sec-Purpose": "prefetch;prerender" },
        { "Sec-Purpose": "Prefetch; anonymous-client-ip" },
        { Purpose: "prefetch" },
        { "X-Moz": "prefetch" },
        { "Sec-Purpose": "prefetch", "Sec-Fetch-Site": "same-origin" },
      ]) {
        for (const method of ["GET", "POST"]) {
          const answer = await member.send(method, ENDPOINTS.signOut.path, { headers });
          expect([headers, answer.code, answer.status]).toEqual([headers, "6", 403]);
          expect(answer.headers.getSetCookie()).toEqual([]);
        }
      }
      expect((await member.userInfo()).code).toBe("7");
      expect((await member.fetch("HEAD", ENDPOINTS.userInfo.path)).status).toBe(200);
    });

    test("ends only its own session", async () => {
      const member = await newMember(shared.stack);
      const other = await signInAgain(member);
      const stranger = await newMember(shared.stack);
      await member.api.signOut();
      expect((await other.userInfo()).code).toBe("7");
      expect((await stranger.api.userInfo()).code).toBe("7");
    });
  });

  describe("the order of checks", () => {
    test.each(BAD_SESSIONS)("a bad shape comes before a bad session (%p)", async (cookie) => {
      const visitor = new Api(shared.stack.url, cookie);
      const { nickname, avatar } = ENDPOINTS;
      const json = { "Content-Type": "application/json" };
      for (const [status, answer] of [
        [400, await visitor.nickname("")],
        [400, await visitor.nickname("nine char")],
        [400, await visitor.post(nickname.path, {})],
        [400, await visitor.post(nickname.path, { nickname: 1 })],
        [400, await visitor.send("POST", nickname.path, { headers: json, body: "{" })],
        [413, await visitor.nickname("x".repeat(70_000))],
        [415, await visitor.send("POST", nickname.path, { body: new Uint8Array(9) })],
        [405, await visitor.send("PUT", nickname.path)],
        [400, await account.changePassword(visitor, "old", "hopper1907")],
        [400, await account.changePassword(visitor, "hopper1906", "x".repeat(14))],
        [400, await visitor.post(ACCOUNT_ENDPOINTS.deleteAccount.path, {})],
        [400, await visitor.post(ACCOUNT_ENDPOINTS.endSession.path, { id: 1 })],
        [405, await visitor.send("GET", ACCOUNT_ENDPOINTS.endOthers.path)],
        [415, await visitor.post(avatar.path, {})],
        [415, await visitor.send("POST", avatar.path, { body: new Uint8Array(9) })],
      ] as const) {
        expect([answer.code, answer.status]).toEqual(["6", status]);
      }
    });

    test.each(BAD_SESSIONS)(
      "a bad session (%p) comes before what its user gets wrong",
      async (cookie) => {
        const { username } = await newMember(shared.stack);
        const visitor = new Api(shared.stack.url, cookie);
        const notAnImage = Buffer.from("<script>alert(1)</script>");
        for (const form of [
          new FormData(), // The body comes after the session, and is not read without one.
          avatarForm(notAnImage),
          avatarForm(RED_PNG, { username }),
          avatarForm(notAnImage, { username }),
        ]) {
          const answer = await visitor.avatar(form);
          expect([answer.code, answer.status]).toEqual(["2", 401]);
        }
      },
    );
  });
});

describeHttp("sessions behind https", (pair) => {
  const shared = sharedStack(pair, { PUBLIC_URL: SECURE_URL });

  test("have a Secure cookie, when it is set and when it is cleared", async () => {
    const { api, username, password } = await newMember(shared.stack);
    const all = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];
    const signedIn = await api.signIn(username, password);
    expect(attributesOf(signedIn)).toEqual([...all, "Max-Age=1800"].sort());
    const signedOut = await api.withSession(sessionIdOf(signedIn)).signOut();
    expect(attributesOf(signedOut)).toEqual(expect.arrayContaining([...all, "Max-Age=0"].sort()));
  });
});

describePairs("sessions of two seconds", (pair) => {
  // Each pair has a stack of its own, so that the time passes for all of them at once.
  test.concurrent("end after their time, although they are in use", async () => {
    await using stack = await startStack({
      ...(await pair.environment()),
      SESSION_TTL_SECONDS: "2",
    });
    const member = await newMember(stack);
    const idle = await signInAgain(member);
    expect((await member.api.userInfo()).code).toBe("7");
    // Were it renewed by use, reading it this often would keep it alive for ever.
    const giveUpAt = Date.now() + 20_000;
    let answer = await member.api.userInfo();
    while (answer.code === "7" && Date.now() < giveUpAt) {
      await Bun.sleep(50);
      answer = await member.api.userInfo();
    }
    expect(answer.code).toBe("2");
    // The other began a little later, and was never used.
    await Bun.sleep(1000);
    expect((await idle.userInfo()).code).toBe("2");
    expect((await idle.nickname("late")).code).toBe("2");
    expect((await idle.signOut()).code).toBe("2");
    expect(await nicknameOf(await signInAgain(member))).toBe(member.username);
  });
});
