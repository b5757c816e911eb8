import { expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, Api, ENDPOINTS, newMember } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeHttp, sharedStack } from "./pairs.ts";
import { getRaw, sendRaw } from "./raw-http.ts";

// What "6" says in its header; that every "6" has one is for the client to check.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const { signUp, signIn, nickname, avatar, userInfo, signOut } = ENDPOINTS;
const SECRET = "s3cret\u00e9\r\nSet-Cookie: x=y";
const JSON_TYPE = { "Content-Type": "application/json" };
const FORM_TYPE = { "Content-Type": "application/x-www-form-urlencoded" };
const PASSWORD = "hopper1906";

type Ask = (api: Api) => Promise<Answer>;
const json =
  (path: string, text: string): Ask =>
  (api) =>
    api.send("POST", path, { headers: JSON_TYPE, body: text });

const CASES: readonly (readonly [what: string, ask: Ask, detail: string | RegExp])[] = [
  ["a short username", (api) => api.signUp("abc", PASSWORD), /^username: 4 to 13 code points/],
  [
    "a long username",
    (api) => api.signIn("a".repeat(14), PASSWORD),
    /^username: 4 to 13 code points/,
  ],
  [
    "letters that are none",
    (api) => api.signUp(`ab${SECRET}`, PASSWORD),
    /^username: 4 to 13.* letters/,
  ],
  [
    "a short password",
    (api) => api.signUp("grace", "s3"),
    /^password: 4 to 13 printable code points/,
  ],
  ["a missing field", (api) => api.post(signUp.path, { username: "grace" }), "password: required"],
  ["no field", (api) => api.post(signIn.path, {}), "username: required"],
  [
    "a number",
    (api) => api.post(signUp.path, { username: 1234567, password: SECRET }),
    "username: must be a string",
  ],
  [
    "a list",
    (api) => api.post(nickname.path, { nickname: [SECRET] }),
    "nickname: must be a string",
  ],
  [
    "a field twice",
    (api) =>
      api.send("POST", signUp.path, {
        headers: FORM_TYPE,
        body: "username=a&username=b&password=c",
      }),
    "username: must be a string",
  ],
  [
    "a nickname that nobody sees",
    (api) => api.nickname("\u200b"),
    /^nickname: 1 to 8 .* can be seen/,
  ],
  ["JSON cut off", json(signUp.path, `{"username":"${SECRET}`), "body: a JSON object in UTF-8"],
  ["JSON that is a list", json(signUp.path, "[]"), "body: a JSON object in UTF-8"],
  [
    "a broken form",
    (api) => api.send("POST", signUp.path, { headers: FORM_TYPE, body: `username=%FF${SECRET}` }),
    "body: a form in UTF-8",
  ],
  [
    "another type",
    (api) =>
      api.send("POST", signUp.path, { headers: { "Content-Type": "text/plain" }, body: SECRET }),
    /^Content-Type: application\/json or /,
  ],
  [
    "another charset",
    (api) =>
      api.send("POST", signUp.path, {
        headers: { "Content-Type": "application/json; charset=latin1" },
        body: "{}",
      }),
    /^Content-Type: .* UTF-8$/,
  ],
  ["a large body", (api) => api.nickname("x".repeat(70_000)), "body: at most 65536 bytes"],
  [
    "another path",
    (api) => api.send("GET", `/${encodeURIComponent(SECRET)}`),
    "path: nothing is at this path",
  ],
  ["a method", (api) => api.send("PUT", userInfo.path), "method: GET or HEAD"],
  ["HEAD in its place", (api) => api.send("DELETE", signOut.path), "method: GET or POST"],
  [
    "another site",
    (api) => api.send("POST", signOut.path, { headers: { "Sec-Fetch-Site": "cross-site" } }),
    "Sec-Fetch-Site: same-origin or none",
  ],
  [
    "an Origin",
    (api) => api.send("POST", signOut.path, { headers: { Origin: "https://evil.example" } }),
    /^Origin: .*PUBLIC_URL/,
  ],
  [
    "a prefetch",
    (api) => api.send("GET", signOut.path, { headers: { Purpose: "prefetch" } }),
    /^Purpose: must not be prefetch/,
  ],
  [
    "no picture there",
    (api) => api.send("GET", "/avatars/s3cret.webp"),
    "name: no picture has this name",
  ],
  ["no file", (api) => api.avatar(avatarForm(new Uint8Array())), /^profilePic: one file/],
  ["what is no picture", (api) => api.avatar(avatarForm(Buffer.from(SECRET))), /./],
  [
    "a large picture",
    (api) => api.avatar(avatarForm(new Uint8Array(8 * 1024 * 1024 + 1))),
    /^profilePic: at most/,
  ],
  [
    "another's name",
    (api) => api.avatar(avatarForm(pngOf(1, 1, [1, 2, 3]), { username: SECRET })),
    "username: must be the session's own",
  ],
  ["a field of the client's", (api) => api.avatar(new FormData()), /^profilePic: one file/],
  [
    "an upload of another type",
    (api) => api.post(avatar.path, {}),
    /^Content-Type: multipart\/form-data/,
  ],
];

describeHttp("X-Error-Detail", (pair) => {
  const shared = sharedStack(pair);

  test.each(CASES)(
    "of %s names the field and the rule, never the value",
    async (_, ask, detail) => {
      const { api } = await newMember(shared.stack);
      const answer = await ask(api);
      expect(answer.code).toBe("6");
      const said = answer.headers.get("x-error-detail") ?? "";
      if (typeof detail === "string") expect(said).toBe(detail);
      else expect(said).toMatch(detail);
      expect(said).not.toContain("s3cret");
      expect(answer.headers.getSetCookie()).toEqual([]);
    },
  );

  test("is set for paths and methods that fetch cannot send", async () => {
    for (const target of ["/%0d%0aSet-Cookie:%20x=y", "/\u00e9", "*", "http://a/s3cret"]) {
      const { status, head } = await getRaw(shared.stack.url, target);
      expect([400, 404]).toContain(status);
      expect(head).not.toMatch(/s3cret|Set-Cookie/i);
      if (status === 404) expect(head).toMatch(/^x-error-detail: path: /im);
    }
    const { head } = await sendRaw(
      shared.stack.url,
      "PURGE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    expect(head).toMatch(/^(HTTP\/1.1 400|x-error-detail: method: GET or HEAD)/im);
  });

  test("is set only with a 6", async () => {
    const { api, username } = await newMember(shared.stack);
    for (const answer of [
      await api.userInfo(),
      await api.signUp(username, PASSWORD),
      await api.signIn(username, "wrong-pass"),
      await new Api(shared.stack.url).userInfo(),
    ]) {
      expect(answer.code).not.toBe("6");
      expect(answer.headers.get("x-error-detail")).toBeNull();
    }
  });
});
