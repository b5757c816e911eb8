import { expect, setDefaultTimeout, test } from "bun:test";
import {
  ACCOUNT_ENDPOINTS,
  account,
  expectEnded,
  handleOf,
  readSessions,
  sessionsOf,
} from "./account-calls.ts";
import { Api, ENDPOINTS, newMember, sessionIdOf, signInAgain, UNKNOWN_SESSION } from "./client.ts";
import { describeAllPairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const CLEARED = "sessionID=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
const NOT_MINE = "id: must be the id of one of your sessions";
const LOCAL_NETWORK = "127.0.0.0/24";
const TTL_MS = 1800 * 1000;

describeAllPairs("the list of sessions", (pair) => {
  const shared = sharedStack(pair);

  test("has each session once, newest first, with its device and network", async () => {
    const before = Date.now();
    const { api, username, password, sessionId } = await newMember(shared.stack);
    const sessionIds = [sessionId];
    for (const device of ["Firefox", `Chrome ${"x".repeat(200)}`]) {
      const headers = { "Content-Type": "application/json", "User-Agent": device };
      const body = JSON.stringify({ username, password });
      const visitor = new Api(shared.stack.url);
      const answer = await visitor.send("POST", ENDPOINTS.signIn.path, { headers, body });
      sessionIds.unshift(sessionIdOf(answer));
    }
    const listed = await sessionsOf(api);
    expect(listed.map(({ id }) => id)).toEqual(sessionIds.map(handleOf));
    expect(listed.map(({ current }) => current)).toEqual([false, false, true]);
    const devices = [`Chrome ${"x".repeat(113)}`, "Firefox", `Bun/${Bun.version}`];
    expect(listed.map(({ device }) => device)).toEqual(devices);
    for (const { address, createdAt, expiresAt } of listed) {
      expect(address).toBe(LOCAL_NETWORK);
      const [begunAt, endsAt] = [Date.parse(createdAt), Date.parse(expiresAt)];
      expect(begunAt).toBeGreaterThanOrEqual(before - 1);
      expect(begunAt).toBeLessThanOrEqual(Date.now() + 1000);
      expect(Math.abs(endsAt - begunAt - TTL_MS)).toBeLessThan(10_000);
    }
    // The same, seen from another session.
    const seen = await sessionsOf(api.withSession(sessionIds[0] ?? ""));
    expect(seen.map(({ current }) => current)).toEqual([true, false, false]);
  });

  test("has none that has ended, and none of another user", async () => {
    const member = await newMember(shared.stack);
    const other = await newMember(shared.stack);
    const second = await signInAgain(member);
    await second.signOut();
    expect(await sessionsOf(member.api)).toMatchObject([{ id: handleOf(member.sessionId) }]);
    expect(await sessionsOf(other.api)).toMatchObject([{ id: handleOf(other.sessionId) }]);
  });

  test("answers HEAD and takes no other method", async () => {
    const { api } = await newMember(shared.stack);
    for (const { path } of [ACCOUNT_ENDPOINTS.sessions, ACCOUNT_ENDPOINTS.exportData]) {
      expect((await api.fetch("HEAD", path)).status).toBe(200);
      const answer = await api.send("POST", path);
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  });
});

describeAllPairs("ending sessions", (pair) => {
  const shared = sharedStack(pair);

  test("ends the one that is named, and sets no cookie", async () => {
    const member = await newMember(shared.stack);
    const [second, third] = [await signInAgain(member), await signInAgain(member)];
    const [, middle] = await sessionsOf(third);
    const answer = await account.endSession(third, middle?.id ?? "");
    expect([answer.text, answer.headers.getSetCookie()]).toEqual([
      '{"errCode":"7","errMsg":"success","data":""}',
      [],
    ]);
    await expectEnded([second]);
    expect(await sessionsOf(member.api)).toHaveLength(2);
    expect((await third.userInfo()).code).toBe("7");
  });

  test("clears the cookie if the session is the current one", async () => {
    const member = await newMember(shared.stack);
    const second = await signInAgain(member);
    const id = handleOf(member.sessionId);
    const answer = await member.api.postForm(ACCOUNT_ENDPOINTS.endSession.path, { id });
    expect([answer.code, answer.data]).toEqual(["7", ""]);
    expect(answer.headers.getSetCookie()).toEqual([CLEARED]);
    await expectEnded([member.api]);
    expect(await sessionsOf(second)).toHaveLength(1);
  });

  test("refuses an id that is not one of mine, and ends nothing", async () => {
    const member = await newMember(shared.stack);
    const other = await newMember(shared.stack);
    const gone = await signInAgain(member);
    const [ended] = await sessionsOf(gone);
    await gone.signOut();
    for (const id of [handleOf(other.sessionId), ended?.id ?? "", member.sessionId, "", "x"]) {
      const answer = await member.api.send("POST", ACCOUNT_ENDPOINTS.endSession.path, {
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ id }),
      });
      expect([id, answer.code, answer.status]).toEqual([id, "6", 400]);
      expect(answer.headers.get("x-error-detail")).toBe(NOT_MINE);
    }
    expect((await other.api.userInfo()).code).toBe("7");
    expect((await member.api.userInfo()).code).toBe("7");
  });

  test("of all others tells how many, and keeps the current one", async () => {
    const member = await newMember(shared.stack);
    const others = [await signInAgain(member), await signInAgain(member)];
    const stranger = await newMember(shared.stack);
    const answer = await account.endOthers(member.api);
    expect(answer.text).toBe('{"errCode":"7","errMsg":"success","data":2}');
    await expectEnded(others);
    expect(await sessionsOf(member.api)).toMatchObject([{ current: true }]);
    expect((await account.endOthers(member.api)).data).toBe(0);
    expect((await stranger.api.userInfo()).code).toBe("7");
  });

  test("of all others takes a body, too, and refuses the name of another user", async () => {
    const member = await newMember(shared.stack);
    await signInAgain(member);
    const { path } = ACCOUNT_ENDPOINTS.endOthers;
    const stale = await member.api.send("POST", path, {
      headers: { "Content-Type": "application/json" },
      body: '{"username":"another"}',
    });
    expect([stale.code, stale.headers.get("x-error-detail")]).toEqual([
      "6",
      "username: must be the session's own",
    ]);
    const { username } = member;
    expect((await member.api.postForm(path, { username })).data).toBe(1);
    expect((await member.api.post(path, {})).data).toBe(0);
    expect((await member.api.post(path, { username: 1 })).code).toBe("6");
  });
});

describeAllPairs("a sign-in from a browser that has a session", (pair) => {
  const shared = sharedStack(pair);

  test("ends that one if it is of the same user", async () => {
    const { api, username, password } = await newMember(shared.stack);
    const answer = await api.signIn(username, password);
    await expectEnded([api]);
    expect(await sessionsOf(api.withSession(sessionIdOf(answer)))).toHaveLength(1);
  });

  test("ends each one of the same user if the browser has several cookies, and no other", async () => {
    const member = await newMember(shared.stack);
    const [second, elsewhere] = [await signInAgain(member), await signInAgain(member)];
    const other = await newMember(shared.stack);
    const cookies = [`sessionID=${UNKNOWN_SESSION}`];
    for (const { cookie = "" } of [other.api, member.api, second]) cookies.push(cookie);
    const browser = new Api(shared.stack.url, cookies.join("; "));
    expect((await browser.signIn(member.username, member.password)).code).toBe("7");
    await expectEnded([member.api, second]);
    expect(await sessionsOf(elsewhere)).toMatchObject([{ current: false }, { current: true }]);
    expect((await other.api.userInfo()).code).toBe("7");
  });

  test("leaves that one alone if it is of another user, or if the sign-in fails", async () => {
    const member = await newMember(shared.stack);
    const other = await newMember(shared.stack);
    expect((await member.api.signIn(other.username, other.password)).code).toBe("7");
    expect((await member.api.signIn(member.username, "wrong-pass")).code).toBe("5");
    expect((await member.api.userInfo()).code).toBe("7");
    expect((await other.api.userInfo()).code).toBe("7");
  });

  test("keeps the number of sessions at SESSIONS_MAX: the oldest ends", async () => {
    const member = await newMember(shared.stack);
    const later: Api[] = [];
    for (let count = 0; count < 20; count++) later.push(await signInAgain(member));
    await expectEnded([member.api]);
    expect(await sessionsOf(later[0] ?? member.api)).toHaveLength(20);
  });

  test("keeps that number also if many run at the same time", async () => {
    const member = await newMember(shared.stack);
    const later = await Promise.all(Array.from({ length: 30 }, () => signInAgain(member)));
    const last = await signInAgain(member);
    const listed = await sessionsOf(last);
    expect(listed).toHaveLength(20);
    expect(listed[0]).toMatchObject({ current: true });
    const times = listed.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted().reverse());
    // The list tells the truth: those that it does not have are dead.
    const answers = await Promise.all([member.api, ...later].map((api) => api.userInfo()));
    expect(answers.filter(({ code }) => code === "7")).toHaveLength(19);
  });
});

describeAllPairs("an export", (pair) => {
  const shared = sharedStack(pair);

  test("has the profile, its times and the sessions, and no secret", async () => {
    const before = Date.now();
    const member = await newMember(shared.stack);
    await member.api.nickname("Amazing");
    await signInAgain(member);
    const answer = await account.exportData(member.api);
    const data: Readonly<Record<string, unknown>> = Object(answer.data);
    expect(Object.keys(data)).toEqual([
      "username",
      "nickname",
      "profilePath",
      "createdAt",
      "modifiedAt",
      "sessions",
    ]);
    const { username } = member;
    expect(data).toMatchObject({ username, nickname: "Amazing", profilePath: "default.webp" });
    // MySQL's columns have whole seconds.
    for (const time of [data.createdAt, data.modifiedAt]) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Math.abs(Date.parse(String(time)) - before)).toBeLessThan(60_000);
    }
    expect(readSessions(data.sessions)).toEqual(await sessionsOf(member.api));
    expect(answer.text).not.toContain(member.sessionId);
    expect(answer.text).not.toMatch(/argon2|password|salt/);
  });
});
