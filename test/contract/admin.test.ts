import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { AdminContract } from "../../schema/admin.ts";
import { AdminClient } from "../../src/gen/admin.ts";
import { DomainError } from "../../src/rpc/error.ts";
import { startStack } from "../stack.ts";
import { Api, ENDPOINTS, newMember, newName, sessionIdOf, signInAgain } from "./client.ts";
import { describeAllPairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";
const NEW_PASSWORD = "lovelace1815";
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const HANDLE = expect.stringMatching(/^[0-9a-f]{32}$/);

/** The error of a call; undefined if it has a reply. */
const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error) => error,
  );

const codes = (apis: readonly Api[]) =>
  Promise.all(apis.map(async (api) => (await api.userInfo()).code));

describeAllPairs("administration", (pair) => {
  const shared = sharedStack(pair);
  const admin = (): AdminClient => shared.stack.admin;
  const api = () => new Api(shared.stack.url);
  const member = () => newMember(shared.stack);

  describe("findUsers()", () => {
    test("pages through the users whose names begin with a prefix, byte by byte", async () => {
      const names = ["pg.b", "pg.B", "pg.é", "pg.z", "pg._", "pg.a1"];
      for (const name of [...names, "pg-a", "pgx.", "Pg.a"]) await api().signUp(name, PASSWORD);
      const bytewise = ["pg.B", "pg._", "pg.a1", "pg.b", "pg.z", "pg.é"];
      const found: string[][] = [];
      let after: string | undefined;
      do {
        const page = await admin().findUsers({ prefix: "pg.", limit: 2, ...(after && { after }) });
        found.push(page.users.map(({ username }) => username));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(found).toEqual([bytewise.slice(0, 2), bytewise.slice(2, 4), bytewise.slice(4)]);
      const { users, next } = await admin().findUsers({ prefix: "pg.", limit: 6 });
      expect({ count: users.length, next }).toEqual({ count: 6, next: null });
      expect(users[0]).toEqual({
        username: "pg.B",
        nickname: "pg.B",
        profilePath: "default.webp",
        createdAt: TIME,
        modifiedAt: TIME,
        disabledAt: null,
      });
    });

    test("takes _ and % of a prefix as they are, and finds 50 users if no limit is given", async () => {
      await api().signUp("ua_1", PASSWORD);
      await api().signUp("uab1", PASSWORD);
      const { users } = await admin().findUsers({ prefix: "ua_" });
      expect(users.map(({ username }) => username)).toEqual(["ua_1"]);
      expect(await admin().findUsers({ prefix: "u%" })).toEqual({ users: [], next: null });
      await Promise.all(
        Array.from({ length: 51 }, (_, index) => api().signUp(`many${index}`, PASSWORD)),
      );
      expect((await admin().findUsers({ prefix: "many" })).users).toHaveLength(50);
      expect((await admin().findUsers({})).users).toHaveLength(50);
    });

    test.each([{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }])("refuses %p", async (request) => {
      const error = await errorOf(admin().findUsers(request));
      expect(error).toMatchObject({ status: "invalid_argument" });
    });
  });

  test("showUser() tells the profile, the times and the number of sessions", async () => {
    const grace = await member();
    await signInAgain(grace);
    await grace.api.nickname("Amazing");
    const { username } = grace;
    const shown = await admin().showUser({ username });
    expect(shown).toEqual({
      username,
      nickname: "Amazing",
      profilePath: "default.webp",
      createdAt: TIME,
      modifiedAt: TIME,
      disabledAt: null,
      sessions: 2,
      failures: [],
    });
    expect(Math.abs(Date.parse(shown.createdAt) - Date.now())).toBeLessThan(60_000);
  });

  test("showUser() tells how many sign-ins have failed, and until when others are refused", async () => {
    const { username, api } = await member();
    const show = async () => (await admin().showUser({ username })).failures;
    // A server shows only the networks that it knows of: calls at the same time reach both.
    const failures = async () => {
      const lists = await Promise.all(Array.from({ length: 4 }, show));
      return lists.reduce((all, list) => (list.length > all.length ? list : all));
    };
    for (let n = 0; n < 3; n++) await api.signIn(username, "wrong-pass");
    expect(await failures()).toEqual([
      { reason: "account", failures: 3, refusedUntil: null },
      { reason: "network", network: "127.0.0.0/24", failures: 3, refusedUntil: null },
    ]);
    for (let n = 0; n < 8; n++) await api.signIn(username, "wrong-pass");
    const [account, network] = await failures();
    expect(account).toMatchObject({ reason: "account", refusedUntil: null });
    expect(network?.reason).toBe("network");
    expect(network?.failures).toBeWithin(10, 12); // Two servers may allow one more.
    expect(Date.parse(network?.refusedUntil ?? "") - Date.now()).toBeWithin(0, 120_000);
    await admin().liftThrottle({ username });
    expect(await failures()).toEqual([]);
  });

  describe("setPassword()", () => {
    test("replaces the password and ends every session of the user, and no other", async () => {
      const [grace, ada] = [await member(), await member()];
      const sessions = [grace.api, await signInAgain(grace)];
      const { username } = grace;
      expect(await admin().setPassword({ username, password: NEW_PASSWORD })).toEqual({});
      expect(await codes([...sessions, ada.api])).toEqual(["2", "2", "7"]);
      expect((await api().signIn(username, PASSWORD)).code).toBe("5");
      expect((await api().signIn(username, NEW_PASSWORD)).code).toBe("7");
    });

    test.each(["abc", "a".repeat(14), "hop\u0007per"])("refuses %p", async (password) => {
      const grace = await member();
      const error = await errorOf(admin().setPassword({ username: grace.username, password }));
      expect(error).toMatchObject({ status: "invalid_argument" });
      expect(await codes([grace.api])).toEqual(["7"]);
    });
  });

  test("resetPassword() makes another password each time, and ends the sessions", async () => {
    const grace = await member();
    const { username } = grace;
    const { password: first } = await admin().resetPassword({ username });
    expect(await codes([grace.api])).toEqual(["2"]);
    const signedIn = api().withSession(sessionIdOf(await api().signIn(username, first)));
    const { password: second } = await admin().resetPassword({ username });
    expect(await codes([signedIn])).toEqual(["2"]);
    for (const password of [first, second]) expect(password).toMatch(/^[a-km-np-z2-9]{13}$/);
    expect(second).not.toBe(first);
    const answers = [PASSWORD, first, second].map((password) => api().signIn(username, password));
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual(["5", "5", "7"]);
  });

  test("disableUser() ends the sessions and refuses sign-in; enableUser() allows it", async () => {
    const grace = await member();
    const { username } = grace;
    expect(await admin().disableUser({ username })).toEqual({});
    expect(await codes([grace.api])).toEqual(["2"]);
    expect((await api().signIn(username, PASSWORD)).code).toBe("4");
    expect((await api().signUp(username, PASSWORD)).code).toBe("3");
    expect(await admin().showUser({ username })).toMatchObject({ disabledAt: TIME, sessions: 0 });
    await admin().disableUser({ username });
    expect(await admin().enableUser({ username })).toEqual({});
    expect(await admin().enableUser({ username })).toEqual({});
    expect(await admin().showUser({ username })).toMatchObject({ disabledAt: null });
    expect((await api().signIn(username, PASSWORD)).code).toBe("7");
    expect(await codes([grace.api])).toEqual(["2"]);
  });

  describe("sessions", () => {
    test("are listed newest first, and endSession() ends one of them", async () => {
      const grace = await member();
      const { username } = grace;
      await Bun.sleep(5);
      const second = await signInAgain(grace);
      const { sessions } = await admin().listSessions({ username });
      const session = { id: HANDLE, createdAt: TIME, expiresAt: TIME };
      const shown = { ...session, device: expect.any(String), address: expect.any(String) };
      expect(sessions).toEqual([shown, shown]);
      const [newest, oldest] = sessions;
      if (!newest || !oldest) throw new Error("Cannot happen: two are there");
      expect(Date.parse(newest.createdAt)).toBeGreaterThan(Date.parse(oldest.createdAt));
      expect(Date.parse(oldest.expiresAt) - Date.parse(oldest.createdAt)).toBe(1_800_000);
      expect(JSON.stringify(sessions)).not.toContain(grace.sessionId);

      expect(await admin().endSession({ username, id: oldest.id })).toEqual({});
      expect(await codes([grace.api, second])).toEqual(["2", "7"]);
      expect(await admin().listSessions({ username })).toEqual({ sessions: [newest] });
    });

    test("of another user, or that have ended, are not ended by endSession()", async () => {
      const [grace, ada] = [await member(), await member()];
      const { sessions } = await admin().listSessions({ username: ada.username });
      const [{ id } = { id: "" }] = sessions;
      await grace.api.signOut();
      for (const each of [id, grace.sessionId, ""]) {
        const error = await errorOf(admin().endSession({ username: grace.username, id: each }));
        expect(error).toMatchObject({
          status: "invalid_argument",
          message: "id: must be the id of one of the user's sessions",
        });
      }
      expect(await codes([ada.api])).toEqual(["7"]);
    });

    test("end all at once by endAllSessions(), and the user can sign in", async () => {
      const grace = await member();
      const { username } = grace;
      const sessions = [grace.api, await signInAgain(grace), await signInAgain(grace)];
      await sessions[1]?.signOut();
      expect(await admin().endAllSessions({ username })).toEqual({ ended: 2 });
      expect(await codes(sessions)).toEqual(["2", "2", "2"]);
      expect(await admin().endAllSessions({ username })).toEqual({ ended: 0 });
      expect(await admin().listSessions({ username })).toEqual({ sessions: [] });
      expect(await codes([await signInAgain(grace)])).toEqual(["7"]);
    });
  });

  test("deleteUser() deletes the user, and a new owner of the name meets nothing", async () => {
    const grace = await member();
    const { username } = grace;
    await grace.api.nickname("Amazing");
    await grace.api.userInfo();
    expect(await admin().deleteUser({ username })).toEqual({ profilePath: "default.webp" });
    expect(await codes([grace.api])).toEqual(["2"]);
    expect((await api().signIn(username, PASSWORD)).code).toBe("4");
    expect(await errorOf(admin().showUser({ username }))).toBeInstanceOf(DomainError);
    const owner = await newMember(shared.stack, username);
    expect(await admin().showUser({ username })).toMatchObject({ nickname: username, sessions: 1 });
    expect(await codes([grace.api, owner.api])).toEqual(["2", "7"]);
  });

  test.each(
    Object.entries(AdminContract.methods)
      .filter(([, { errors }]) => errors.includes("UserNotExistError"))
      .map(([name]) => name),
  )("%s() of an unknown user is UserNotExistError", async (name) => {
    const method = Reflect.get(admin(), name);
    const request = { username: newName(), password: PASSWORD, id: "0".repeat(32) };
    const error = await errorOf(method.call(admin(), request));
    expect(error).toMatchObject({ code: "UserNotExistError" });
  });
});

describe("liftThrottle()", () => {
  /** Sign in from an address until it is refused, at most 100 times. */
  async function signInUntilRefused(api: Api, username: string, address: string) {
    const fields = { username, password: "wrong-one" };
    const headers = { "X-Forwarded-For": address };
    for (let tries = 0; tries < 100; tries++) {
      const { status } = await api.post(ENDPOINTS.signIn.path, fields, headers);
      if (status === 429) return;
    }
    throw new Error("Cannot get refused");
  }

  test("of a user lets the user sign in again", async () => {
    await using stack = await startStack({ TRUSTED_PROXIES: "127.0.0.1" });
    const { username, password } = await newMember(stack);
    const api = new Api(stack.url);
    const from = { "X-Forwarded-For": "203.0.113.7" };
    const signIn = () => api.post(ENDPOINTS.signIn.path, { username, password }, from);
    await signInUntilRefused(api, username, "203.0.113.7");
    expect((await signIn()).status).toBe(429);
    expect(await stack.admin.liftThrottle({ username })).toEqual({});
    expect((await signIn()).code).toBe("7");
  });

  test("of an address lets its users sign in again", async () => {
    await using stack = await startStack({ TRUSTED_PROXIES: "127.0.0.1" });
    const { username, password } = await newMember(stack);
    const api = new Api(stack.url);
    const from = { "X-Forwarded-For": "2001:db8::7" };
    const signIn = () => api.post(ENDPOINTS.signIn.path, { username, password }, from);
    await signInUntilRefused(api, "nobody", "2001:db8::7");
    expect((await signIn()).status).toBe(429);
    await stack.admin.liftThrottle({ username });
    expect((await signIn()).status).toBe(429);
    expect(await stack.admin.liftThrottle({ address: "2001:db8::7" })).toEqual({});
    expect((await signIn()).code).toBe("7");
  });

  test.each([{}, { address: "203.0.113.0/24" }, { address: "" }])("refuses %p", async (request) => {
    await using stack = await startStack();
    const error = await errorOf(stack.admin.liftThrottle(request));
    expect(error).toMatchObject({ status: "invalid_argument" });
  });
});

test("the rules of the TCP tier for new passwords hold for an operator, too", async () => {
  await using stack = await startStack({ PASSWORD_STRICT: "on", PASSWORD_MAX: "9" });
  const { username } = await newMember(stack, undefined, "lovelace9");
  for (const password of ["password1", "lovelace18", username]) {
    const error = await errorOf(stack.admin.setPassword({ username, password }));
    expect(error).toMatchObject({ status: "invalid_argument" });
  }
  expect(await stack.admin.setPassword({ username, password: "hopper-06" })).toEqual({});
  const { password } = await stack.admin.resetPassword({ username });
  expect(password).toMatch(/^[a-km-np-z2-9]{9}$/);
  expect((await new Api(stack.url).signIn(username, password)).code).toBe("7");
});

test.each(Object.keys(AdminContract.methods))(
  "%s() is refused to the HTTP tier, before the request is read",
  async (name) => {
    await using stack = await startStack();
    const client = new AdminClient(stack.caller);
    const error = await errorOf(Reflect.get(client, name).call(client, {}));
    expect(error).toMatchObject({ status: "permission_denied", processed: false });
  },
);
