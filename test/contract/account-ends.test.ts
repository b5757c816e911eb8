import { expect, setDefaultTimeout, test } from "bun:test";
import {
  ACCOUNT_ENDPOINTS,
  account,
  expectEnded,
  memberWithPicture,
  NEW_PASSWORD,
  PASSWORD,
  sessionsOf,
} from "./account-calls.ts";
import {
  type Answer,
  Api,
  type Member,
  newMember,
  newName,
  profileOf,
  sessionIdOf,
  signInAgain,
  UNKNOWN_SESSION,
} from "./client.ts";
import { describeAllPairs, sharedStack } from "./pairs.ts";
import { openRows } from "./rows.ts";

// Change of password and deletion: what has ended afterwards.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const CLEARED = "sessionID=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
const EMPTY_SUCCESS = '{"errCode":"7","errMsg":"success","data":""}';
const ROUNDS = 5;
const SIGN_INS = 6;

/** Sign in many times while `change` runs, and return the sessions that this gave. */
async function signInDuring(
  { api, username, password }: Member,
  change: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly sessions: Api[] }> {
  const visitor = new Api(api.url);
  const signIns: Promise<Answer>[] = [];
  const signIn = () => signIns.push(visitor.signIn(username, password));
  let isChanging = true;
  const changing = change().finally(() => {
    isChanging = false;
  });
  for (let count = 0; count < SIGN_INS; count++) signIn();
  while (isChanging) {
    await Bun.sleep(2);
    if (signIns.length < 4 * SIGN_INS) signIn();
  }
  const answers = await Promise.all(signIns);
  const good = answers.filter(({ code }) => code === "7");
  return {
    answer: await changing,
    sessions: good.map((each) => visitor.withSession(sessionIdOf(each))),
  };
}

describeAllPairs("a change of password", (pair) => {
  const shared = sharedStack(pair);

  test("takes effect, rotates this session and ends the others", async () => {
    const member = await newMember(shared.stack);
    const { api, username } = member;
    const other = await signInAgain(member);
    const stranger = await newMember(shared.stack);
    const answer = await account.changePassword(api);
    expect(answer.text).toBe(EMPTY_SUCCESS);
    const sessionId = sessionIdOf(answer);
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toBe(`sessionID=${sessionId}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax`);
    await expectEnded([api, other]);
    const now = api.withSession(sessionId);
    expect(await sessionsOf(now)).toMatchObject([{ current: true }]);
    const visitor = new Api(api.url);
    expect((await visitor.signIn(username, PASSWORD)).code).toBe("5");
    expect((await visitor.signIn(username, NEW_PASSWORD)).code).toBe("7");
    expect((await stranger.api.userInfo()).code).toBe("7");
  });

  test("is refused for a wrong old password, and nothing ends", async () => {
    const { api, username } = await newMember(shared.stack);
    const answer = await account.changePassword(api, "wrong-pass");
    expect([answer.code, answer.status, answer.headers.getSetCookie()]).toEqual(["5", 401, []]);
    expect((await api.userInfo()).code).toBe("7");
    expect((await new Api(api.url).signIn(username, PASSWORD)).code).toBe("7");
  });

  test("stores the new password in NFC, and never trims it", async () => {
    const { api, username } = await newMember(shared.stack);
    const visitor = new Api(api.url);
    // 26 code points as sent, 13 in NFC.
    const decomposed = "e\u0301".repeat(13);
    const answer = await account.changePassword(api, PASSWORD, decomposed);
    expect(answer.code).toBe("7");
    expect((await visitor.signIn(username, "\u00e9".repeat(13))).code).toBe("7");
    const now = api.withSession(sessionIdOf(answer));
    expect((await account.changePassword(now, decomposed, " hopper ")).code).toBe("7");
    expect((await visitor.signIn(username, "hopper")).code).toBe("5");
    expect((await visitor.signIn(username, " hopper ")).code).toBe("7");
  });

  test("names the field and the rule, before the session and the old password", async () => {
    const { api, username } = await newMember(shared.stack);
    const RULE = "4 to 13 printable code points, NFC.";
    for (const from of [api, new Api(api.url), api.withSession(UNKNOWN_SESSION)]) {
      for (const [oldPassword, newPassword, field] of [
        ["wrong-pass", "abc", "newPassword"],
        ["abc", NEW_PASSWORD, "oldPassword"],
        ["wrong-pass", "with\u0000nul", "newPassword"],
      ] as const) {
        const answer = await account.changePassword(from, oldPassword, newPassword);
        expect([answer.code, answer.status]).toEqual(["6", 400]);
        expect(answer.headers.get("x-error-detail")).toBe(`${field}: ${RULE}`);
      }
      const deletion = await account.deleteAccount(from, "abc");
      expect(deletion.headers.get("x-error-detail")).toBe(`password: ${RULE}`);
    }
    expect((await new Api(api.url).signIn(username, PASSWORD)).code).toBe("7");
  });

  test("of two at the same time, one wins", async () => {
    const member = await newMember(shared.stack);
    const other = await signInAgain(member);
    const visitor = new Api(member.api.url);
    const [one, two] = await Promise.all([
      account.changePassword(member.api, PASSWORD, "password-one"),
      account.changePassword(other, PASSWORD, "password-two"),
    ]);
    expect([one.code, two.code].filter((code) => code === "7")).toHaveLength(1);
    for (const code of [one.code, two.code]) expect(["2", "5", "7"]).toContain(code);
    const now = one.code === "7" ? "password-one" : "password-two";
    for (const password of [PASSWORD, "password-one", "password-two"]) {
      const expected = password === now ? "7" : "5";
      expect((await visitor.signIn(member.username, password)).code).toBe(expected);
    }
  });

  test("ends the sessions of sign-ins with the old password that run at the same time", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const member = await newMember(shared.stack);
      const change = () => account.changePassword(member.api);
      const { answer, sessions } = await signInDuring(member, change);
      expect(answer.code).toBe("7");
      await expectEnded([...sessions, member.api]);
      const now = member.api.withSession(sessionIdOf(answer));
      expect(await sessionsOf(now)).toHaveLength(1);
    }
  });
});

describeAllPairs("a deletion", (pair) => {
  const shared = sharedStack(pair);

  test("removes the row, the sessions and the picture, and clears the cookie", async () => {
    const member = await memberWithPicture(shared.stack);
    const { api, username, profilePath } = member;
    const other = await signInAgain(member);
    expect((await api.fetch("GET", `/avatars/${profilePath}`)).status).toBe(200);
    const answer = await account.deleteAccount(api);
    expect([answer.text, answer.headers.getSetCookie()]).toEqual([EMPTY_SUCCESS, [CLEARED]]);
    expect((await api.fetch("GET", `/avatars/${profilePath}`)).status).toBe(404);
    expect(await shared.pictures()).not.toContain(profilePath);
    await expectEnded([api, other]);
    expect((await new Api(api.url).signIn(username, PASSWORD)).code).toBe("4");
    await using rows = await openRows(shared);
    expect(await rows.query("SELECT 1 FROM `user` WHERE username = ?", [username])).toEqual([]);
  });

  test("keeps the default picture", async () => {
    const { api } = await newMember(shared.stack);
    expect((await account.deleteAccount(api)).code).toBe("7");
    expect((await api.fetch("GET", "/avatars/default.webp")).status).toBe(200);
  });

  test("is refused for a wrong password, and everything stays", async () => {
    const { api, profilePath } = await memberWithPicture(shared.stack);
    const answer = await account.deleteAccount(api, "wrong-pass");
    expect([answer.code, answer.status, answer.headers.getSetCookie()]).toEqual(["5", 401, []]);
    expect(profileOf(await api.userInfo()).profilePath).toBe(profilePath);
    expect((await api.fetch("GET", `/avatars/${profilePath}`)).status).toBe(200);
  });

  test("frees the name, and its new owner meets nothing of the old one", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const old = await memberWithPicture(shared.stack);
      await old.api.nickname("Old one");
      await old.api.userInfo(); // If it can be cached, it is.
      const { answer, sessions } = await signInDuring(old, () => account.deleteAccount(old.api));
      expect(answer.code).toBe("7");
      const fresh = await newMember(shared.stack, old.username);
      const { username } = fresh;
      const profile = { username, nickname: username.slice(0, 8), profilePath: "default.webp" };
      expect(profileOf(await fresh.api.userInfo())).toEqual(profile);
      await expectEnded([...sessions, old.api]);
      expect(await sessionsOf(fresh.api)).toMatchObject([{ current: true }]);
    }
  });

  test("by hand also ends the old sessions and the cache, once the name has a new owner", async () => {
    await using rows = await openRows(shared);
    for (const hasSession of [true, false]) {
      const old = await newMember(shared.stack);
      const { username } = old;
      await old.api.nickname("Old one");
      const second = await signInAgain(old);
      await old.api.userInfo();
      if (!hasSession) await Promise.all([old.api.signOut(), second.signOut()]);
      await rows.query("DELETE FROM `user` WHERE username = ?", [username]);
      const visitor = new Api(old.api.url);
      expect((await visitor.signUp(username, NEW_PASSWORD)).code).toBe("7");
      const fresh = visitor.withSession(sessionIdOf(await visitor.signIn(username, NEW_PASSWORD)));
      const { nickname } = profileOf(await fresh.userInfo());
      expect(nickname).toBe(username.slice(0, 8));
      await expectEnded([old.api, second]);
      expect(await sessionsOf(fresh)).toHaveLength(1);
    }
  });
});

describeAllPairs("a sign-up of a name that is taken", (pair) => {
  const shared = sharedStack(pair);

  test("ends no session of its owner, even if several run at the same time", async () => {
    const visitor = new Api(shared.stack.url);
    for (let round = 0; round < ROUNDS; round++) {
      const username = newName();
      const answers = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const { code } = await visitor.signUp(username, PASSWORD);
          return code === "7" ? sessionIdOf(await visitor.signIn(username, PASSWORD)) : undefined;
        }),
      );
      const [sessionId, ...more] = answers.filter((id) => id !== undefined);
      expect(more).toEqual([]);
      expect((await visitor.withSession(sessionId ?? "").userInfo()).code).toBe("7");
    }
  });
});

describeAllPairs("a disabled user", (pair) => {
  const shared = sharedStack(pair);

  test("cannot sign in: the answer is that of a user who does not exist", async () => {
    const { api, username } = await newMember(shared.stack);
    await using rows = await openRows(shared);
    const disable = "UPDATE `user` SET disabled_at = ? WHERE username = ?";
    await rows.query(disable, ["2026-11-30 12:00:00", username]);
    const answer = await new Api(api.url).signIn(username, PASSWORD);
    expect([answer.code, answer.status, answer.headers.getSetCookie()]).toEqual(["4", 404, []]);
    await rows.query(disable, [null, username]);
    expect((await new Api(api.url).signIn(username, PASSWORD)).code).toBe("7");
  });
});

describeAllPairs("the name of another user", (pair) => {
  const shared = sharedStack(pair);

  test("in a request keeps it from doing anything", async () => {
    const { api, username } = await newMember(shared.stack);
    const { changePassword, deleteAccount, endSession } = ACCOUNT_ENDPOINTS;
    const passwords = { oldPassword: PASSWORD, newPassword: NEW_PASSWORD };
    const [{ id } = { id: "" }] = await sessionsOf(api);
    for (const [path, fields] of [
      [changePassword.path, passwords],
      [deleteAccount.path, { password: PASSWORD }],
      [endSession.path, { id }],
    ] as const) {
      for (const wrong of ["another", "", `${username}x`]) {
        const answer = await api.send("POST", path, {
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ ...fields, username: wrong }),
        });
        expect([path, answer.code, answer.status]).toEqual([path, "6", 400]);
        const detail = answer.headers.get("x-error-detail");
        expect(detail).toBe("username: must be the session's own");
      }
    }
    expect((await api.userInfo()).code).toBe("7");
    const own = await api.post(changePassword.path, { ...passwords, username });
    expect(own.code).toBe("7");
  });
});
