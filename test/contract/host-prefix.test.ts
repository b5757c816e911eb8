import { expect, setDefaultTimeout, test } from "bun:test";
import { startStack } from "../stack.ts";
import { type Answer, Api, newName, UUID_V3 } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";

// COOKIE_HOST_PREFIX=on, and the hosts that do not have it yet.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const USER = "/api/entrytask/user";
const PREFIXED = { PUBLIC_URL: "https://accounts.example.com", COOKIE_HOST_PREFIX: "on" };

/** The Set-Cookie of the session, with or without the prefix. */
function cookieOf({ headers }: Answer): string {
  return headers.getSetCookie().find((text) => text.includes("sessionID=")) ?? "";
}

/** Sign a new user up and in: the name and the value of the cookie, and its attributes. */
async function signIn(url: string): Promise<{ name: string; value: string; attributes: string }> {
  const [api, username] = [new Api(url), newName()];
  expect((await api.signUp(username, "hopper1906")).code).toBe("7");
  const answer = await api.signIn(username, "hopper1906");
  expect(answer.code).toBe("7");
  const parts = /^([^=]*)=([^;]*); (.*)$/.exec(cookieOf(answer)) ?? [];
  const [, name = "", value = "", attributes = ""] = parts;
  expect(value).toMatch(UUID_V3);
  return { name, value, attributes };
}

test("the session cookie has the prefix, and all that browsers ask for with it", async () => {
  await using stack = await startStack(PREFIXED);
  const { name, value, attributes } = await signIn(stack.url);
  expect(name).toBe("__Host-sessionID");
  expect(attributes).toBe("Path=/; Max-Age=1800; HttpOnly; SameSite=Lax; Secure");
  const api = new Api(stack.url, `${name}=${value}`);
  expect((await api.userInfo()).code).toBe("7");
  expect((await api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])))).code).toBe("7");
  const out = await api.signOut();
  expect(out.headers.getSetCookie()).toEqual([
    "__Host-sessionID=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
  ]);
  expect((await api.userInfo()).code).toBe("2");
});

test("the cookie of the device has a prefix, too, and is not read without it", async () => {
  await using stack = await startStack(PREFIXED);
  const [api, username] = [new Api(stack.url), newName()];
  await api.signUp(username, "hopper1906");
  const devices = async (cookie?: string) => {
    const browser = cookie === undefined ? api : api.withCookie(cookie);
    const { headers } = await browser.signIn(username, "hopper1906");
    return headers.getSetCookie().filter((text) => text.includes("deviceID="));
  };
  const [made = ""] = await devices();
  const [, value = ""] =
    /^__Secure-deviceID=([^;]+); Path=\/api\/entrytask\/user\/signin; .*; Secure$/.exec(made) ?? [];
  expect(value).not.toBe("");
  expect(await devices(`__Secure-deviceID=${value}`)).toEqual([]);
  expect(await devices(`deviceID=${value}`)).toHaveLength(1);
});

test("a cookie without the prefix is not read, since another host may have set it", async () => {
  await using stack = await startStack(PREFIXED);
  const [mine, foreign] = [await signIn(stack.url), await signIn(stack.url)];
  const plain = new Api(stack.url, `sessionID=${foreign.value}`);
  expect((await plain.userInfo()).code).toBe("2");
  expect((await plain.signOut()).code).toBe("2");
  for (const cookie of [
    `sessionID=${foreign.value}; __Host-sessionID=${mine.value}`,
    `x__Host-sessionID=${foreign.value}; __Host-sessionID="${mine.value}"`,
  ]) {
    const { data } = await new Api(stack.url, cookie).userInfo();
    expect(data).toEqual(
      (await new Api(stack.url, `__Host-sessionID=${mine.value}`).userInfo()).data,
    );
  }
  const home = await plain.fetch("GET", "/");
  expect(home.headers.get("location")).toBe("/signIn.html");
});

test("a server without the setting sets the plain name, and reads both", async () => {
  await using stack = await startStack({ PUBLIC_URL: PREFIXED.PUBLIC_URL });
  const { name, value } = await signIn(stack.url);
  expect(name).toBe("sessionID");
  for (const cookie of [`sessionID=${value}`, `__Host-sessionID=${value}`]) {
    expect((await new Api(stack.url, cookie).userInfo()).code).toBe("7");
  }
});

test("a new password and a deletion set and clear the cookie with the prefix", async () => {
  await using stack = await startStack(PREFIXED);
  const { name, value } = await signIn(stack.url);
  const api = new Api(stack.url, `${name}=${value}`);
  const passwords = { oldPassword: "hopper1906", newPassword: "hopper1992" };
  const changed = await api.post(`${USER}/change_password`, passwords);
  expect(changed.code).toBe("7");
  const [, next = ""] = /^__Host-sessionID=([^;]*);/.exec(cookieOf(changed)) ?? [];
  expect(next).toMatch(UUID_V3);
  expect((await api.userInfo()).code).toBe("2");
  const later = new Api(stack.url, `${name}=${next}`);
  const deleted = await later.post(`${USER}/delete_account`, { password: "hopper1992" });
  expect(deleted.code).toBe("7");
  expect(cookieOf(deleted)).toStartWith("__Host-sessionID=; Path=/; Max-Age=0; ");
});

test("a sign-in ends the session of the cookie with the prefix", async () => {
  await using stack = await startStack(PREFIXED);
  const username = newName();
  await stack.user.signUp({ username, password: "hopper1906" });
  const { sessionId } = await stack.user.signIn({ username, password: "hopper1906" });
  const api = new Api(stack.url, `__Host-sessionID=${sessionId}`);
  expect((await api.signIn(username, "hopper1906")).code).toBe("7");
  expect((await api.userInfo()).code).toBe("2");
});

test("/openapi.json has the name of the cookie", async () => {
  const namesIn = async (url: string) =>
    (await (await fetch(`${url}/openapi.json`)).json()).components.securitySchemes.session.name;
  await using stack = await startStack(PREFIXED);
  expect(await namesIn(stack.url)).toBe("__Host-sessionID");
  await using plain = await startStack();
  expect(await namesIn(plain.url)).toBe("sessionID");
});
