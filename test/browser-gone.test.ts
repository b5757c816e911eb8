import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { UserService } from "../src/gen/user.ts";
import type { AvatarStore } from "../src/http/avatar/store.ts";
import { DomainError } from "../src/rpc/error.ts";
import { eventually } from "../src/rpc/testing/stack.ts";
import { pngOf } from "./contract/images.ts";
import { aborted, COOKIE, type Front, Hold, startFront } from "./http-front.ts";
import { PICTURE_PLACES } from "./picture-places.ts";
import { RawBrowser } from "./raw-browser.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// A browser that closes its connection while its answer is made: nobody goes on working for it.

const API = "/api/entrytask/user";
/** Less than the deadline of a call, which would end it, too. */
const SOON_MS = 4000;

const JSON_TYPE = { "Content-Type": "application/json" };
const credentials = { username: "grace", password: "hopper1906" };
const picture = new FormData();
picture.set("profilePic", new Blob([new Uint8Array(pngOf(8, 8, [200, 30, 30]))]), "a.png");

const SIGN_UP = ["signup", JSON.stringify(credentials), JSON_TYPE] as const;
const SIGN_IN = ["signin", JSON.stringify(credentials), JSON_TYPE] as const;
const NICKNAME = ["update_nickname", '{"nickname":"amazing"}', JSON_TYPE] as const;
const SIGN_OUT = ["signout", "", {}] as const;
const USER_INFO = ["get_user_info", "", {}] as const;
const PICTURE = ["update_profile_pic", picture, {}] as const;
type Ask = readonly [endpoint: string, body: BodyInit, headers: Record<string, string>];

const methodOf = (endpoint: string) => (endpoint === "get_user_info" ? "GET" : "POST");

/** A browser that has asked and waits. */
async function ask(front: Front, [endpoint, body, headers]: Ask): Promise<RawBrowser> {
  const method = methodOf(endpoint);
  const request = new Request(front.url, { method, headers, ...(method === "POST" && { body }) });
  // Before the body is read: with it, Bun forgets the boundary of a form.
  const type = request.headers.get("Content-Type");
  const bytes = await request.bytes();
  const browser = await RawBrowser.connect(front.url);
  browser.send(
    `${method} ${API}/${endpoint} HTTP/1.1\r\nHost: portico\r\nCookie: ${COOKIE}\r\n` +
      `Content-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
  );
  browser.send(bytes);
  return browser;
}

/** Handlers that never get to their end, for the one that is asked for. */
const holding = (method: keyof UserService, hold: Hold): Partial<UserService> => ({
  [method]: async (_: unknown, context: { readonly signal: AbortSignal }): Promise<never> => {
    await hold.wait(context);
    throw new Error("The test never lets it go on");
  },
});

async function firesSoon(signal: AbortSignal): Promise<void> {
  const giveUp = Bun.sleep(SOON_MS).then(() => Promise.reject(new Error("The signal is silent")));
  await Promise.race([aborted(signal), giveUp]);
}

async function isLogged(front: Front, endpoint: string, status: number): Promise<void> {
  await eventually(() => front.logged.length > 0);
  const event = `${methodOf(endpoint)} ${API}/${endpoint} ${status}`;
  expect(front.logged).toEqual([{ level: "debug", event }]);
}

/** A store that holds once it has saved a picture, and does not say so yet. */
const slowToSave = (avatars: AvatarStore, saved: Hold): AvatarStore => ({
  async save(name, picture) {
    await avatars.save(name, picture);
    await saved.wait(new AbortController());
  },
  remove: (name) => avatars.remove(name),
  find: (name) => avatars.find(name),
  list: (before) => avatars.list(before),
});

describe("a browser that closes its connection", () => {
  test.each<[string, keyof UserService, Ask]>([
    ["sign-up", "signUp", SIGN_UP],
    ["sign-in", "signIn", SIGN_IN],
    ["new nickname", "updateNickname", NICKNAME],
    ["user info", "getUserInfo", USER_INFO],
    ["picture", "getUserInfo", PICTURE],
  ])("cancels the call of its %s in the handler", async (_, method, request) => {
    for (const way of ["reset", "end"] as const) {
      const hold = new Hold();
      await using front = await startFront(holding(method, hold));
      using browser = await ask(front, request);
      const signal = await hold.begun;
      expect(signal.aborted).toBeFalse();
      browser.leave(way);
      await firesSoon(signal);
      const counts = Array.from(front.calls.methods.values());
      expect(counts).toHaveLength(1);
      expect(counts[0]).toMatchObject({ inFlight: 0, calls: 1, errors: { cancelled: 1 } });
      await isLogged(front, request[0], 503);
    }
  });

  test("by fetch cancels only its own call", async () => {
    const hold = new Hold();
    await using front = await startFront(holding("signUp", hold));
    const giveUp = new AbortController();
    const [endpoint, body, headers] = SIGN_UP;
    const answer = fetch(`${front.url}${API}/${endpoint}`, {
      method: "POST",
      body,
      headers,
      signal: giveUp.signal,
    });
    const signal = await hold.begun;
    using other = await ask(front, SIGN_IN);
    giveUp.abort();
    await expect(answer).rejects.toThrow("aborted");
    await firesSoon(signal);
    expect((await other.answer()).status).toBe(200);
  });

  test.each([
    ["of a known length", 'Content-Length: 60\r\n\r\n{"user'],
    ["in chunks", 'Transfer-Encoding: chunked\r\n\r\n6\r\n{"user\r\n'],
  ])("in the middle of a body %s causes no server error", async (_, cut) => {
    await using front = await startFront({});
    using browser = await RawBrowser.connect(front.url);
    const head = `POST ${API}/signin HTTP/1.1\r\nHost: portico\r\n`;
    browser.send(`${head}Content-Type: application/json\r\n${cut}`);
    // A reset could overtake what was sent.
    browser.leave("end");
    await isLogged(front, "signin", 400);
    expect([...front.calls.methods.keys()]).toEqual([]);
  });

  test("during a sign-out still ends the session", async () => {
    const hold = new Hold();
    await using front = await startFront({
      async signOut(_, context) {
        await hold.wait(context);
        return {};
      },
    });
    using browser = await ask(front, SIGN_OUT);
    const signal = await hold.begun;
    browser.leave();
    await eventually(() => browser.isClosed);
    await Bun.sleep(250); // Time for a cancellation that must not come.
    expect(signal.aborted).toBeFalse();
    hold.end();
    await isLogged(front, "signout", 200);
  });
});

describe.each(PICTURE_PLACES)(
  "a picture in $place whose browser closes its connection",
  ({ open }) => {
    test("before it is saved is not saved", async () => {
      const hold = new Hold();
      await using place = await open();
      await using front = await startFront(holding("getUserInfo", hold), place);
      using browser = await ask(front, PICTURE);
      await hold.begun;
      browser.leave();
      await isLogged(front, "update_profile_pic", 503);
      expect(await place.names()).toEqual([]);
      expect([...front.calls.methods.keys()]).toEqual(["User.getUserInfo"]);
    });

    test("while it is saved is removed, and the profile is not updated", async () => {
      const saved = new Hold();
      await using place = await open();
      await using front = await startFront({}, { avatars: slowToSave(place.avatars, saved) });
      using browser = await ask(front, PICTURE);
      await saved.begun;
      expect(await place.names()).toHaveLength(1);
      browser.leave();
      await Bun.sleep(50); // The tier hears of it in that time, or the next line fails the test.
      saved.end();
      await isLogged(front, "update_profile_pic", 503);
      expect(await place.names()).toEqual([]);
      expect([...front.calls.methods.keys()]).toEqual(["User.getUserInfo"]);
    });

    test.each([
      ["stays where its user has got it", true],
      ["is removed where its user has not got it", false],
    ])("during the update of the profile %s", async (_, succeeds) => {
      const hold = new Hold();
      await using place = await open();
      const updateProfilePic: UserService["updateProfilePic"] = async (_, context) => {
        await hold.wait(context);
        if (!succeeds) throw new DomainError("InvalidSessionError");
        return {};
      };
      await using front = await startFront({ updateProfilePic }, place);
      using browser = await ask(front, PICTURE);
      const signal = await hold.begun;
      browser.leave();
      await Bun.sleep(250); // Time for a cancellation that must not come.
      expect(signal.aborted).toBeFalse();
      hold.end();
      await isLogged(front, "update_profile_pic", succeeds ? 200 : 401);
      expect(await place.names()).toHaveLength(succeeds ? 1 : 0);
    });
  },
);
