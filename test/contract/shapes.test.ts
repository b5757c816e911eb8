import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ACCOUNT_ENDPOINTS, ALL_ENDPOINTS, NEW_PASSWORD } from "./account-calls.ts";
import { Api, chunked, ENDPOINTS, type Fields, newMember, newName, nicknameOf } from "./client.ts";
import { describeHttp, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const { signUp, signIn, nickname, avatar, userInfo, signOut } = ENDPOINTS;
const PASSWORD = "hopper1906";
const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
const LIMIT_BYTES = 64 * 1024;

/** Each endpoint that takes JSON or a form, with fields that it takes from the right session. */
const BODIES: readonly { path: string; fields: () => Record<string, string> }[] = [
  { path: signUp.path, fields: () => ({ username: newName(), password: PASSWORD }) },
  { path: signIn.path, fields: () => ({ username: newName(), password: PASSWORD }) },
  { path: nickname.path, fields: () => ({ nickname: "Grace" }) },
  {
    path: ACCOUNT_ENDPOINTS.changePassword.path,
    fields: () => ({ oldPassword: PASSWORD, newPassword: NEW_PASSWORD }),
  },
  { path: ACCOUNT_ENDPOINTS.deleteAccount.path, fields: () => ({ password: PASSWORD }) },
];

const WRONG_TYPES = {
  "a number": 123456,
  null: null,
  true: true,
  "an empty array": [],
  "an array with the right text": ["grace"],
  "an object": { toString: "grace" },
} as const;

/** JSON of exactly `bytes` bytes, made long by a field that nobody knows. */
function jsonOfSize(fields: Fields, bytes: number): string {
  const bare = JSON.stringify({ ...fields, padding: "" });
  return JSON.stringify({ ...fields, padding: "x".repeat(bytes - bare.length) });
}

function formOfSize(fields: Record<string, string>, bytes: number): string {
  const bare = `${new URLSearchParams(fields)}&padding=`;
  return bare + "x".repeat(bytes - bare.length);
}

describeHttp("request shapes", (pair) => {
  const shared = sharedStack(pair);
  const api = () => new Api(shared.stack.url);
  const member = async () => (await newMember(shared.stack)).api;

  describe.each(BODIES)("a body at $path", ({ path, fields }) => {
    const send = async (body: BodyInit, type: string | undefined) =>
      (await member()).send("POST", path, {
        body,
        ...(type === undefined ? {} : { headers: { "Content-Type": type } }),
      });
    /** What the endpoint answers to a good shape; the users of the sign-in do not exist. */
    const good = path === signIn.path ? "4" : "7";

    test.each([
      JSON_TYPE,
      "application/json; charset=utf-8",
      "application/json;charset=UTF-8",
      'application/json; charset="utf-8"',
      "APPLICATION/JSON",
      "Application/Json ; Charset=Utf-8",
      "application/json; charset=utf8",
      "application/json; charset=US-ASCII",
      'application/json; profile="a; charset=latin1"; charset="UTF8"',
    ])("is JSON with the type %p", async (type) => {
      expect((await send(JSON.stringify(fields()), type)).code).toBe(good);
    });

    test.each([
      FORM_TYPE,
      "application/x-www-form-urlencoded; charset=utf-8",
      "application/x-www-form-urlencoded;charset=UTF-8",
      "APPLICATION/X-WWW-FORM-URLENCODED",
      "application/x-www-form-urlencoded; charset=utf8",
    ])("is a form with the type %p", async (type) => {
      expect((await send(`${new URLSearchParams(fields())}`, type)).code).toBe(good);
    });

    test.each([
      undefined,
      "text/plain",
      "text/plain; charset=application/json",
      "text/json",
      "text/html",
      "application/jsonp",
      "application/json-patch+json",
      "application/xml",
      "application/octet-stream",
      "json",
      "multipart/form-data; boundary=x",
    ])("of the type %p is refused with 415", async (type) => {
      // As bytes: to a string, fetch gives a type of its own.
      const answer = await send(new TextEncoder().encode(JSON.stringify(fields())), type);
      expect([answer.code, answer.status]).toEqual(["6", 415]);
    });

    test.each(["gzip", "br", "deflate", "identity, gzip", "zstd", "x-unknown"])(
      "in the Content-Encoding %p is refused",
      async (encoding) => {
        const headers = { "Content-Type": JSON_TYPE, "Content-Encoding": encoding };
        const body = JSON.stringify(fields());
        const answer = await (await member()).send("POST", path, { headers, body });
        expect([answer.code, answer.status]).toEqual(["6", 415]);
        expect(answer.headers.get("x-error-detail")).toBe("Content-Encoding: identity");
      },
    );

    test.each(["identity", "Identity"])("may be in the Content-Encoding %p", async (encoding) => {
      const headers = { "Content-Type": JSON_TYPE, "Content-Encoding": encoding };
      const body = JSON.stringify(fields());
      expect((await (await member()).send("POST", path, { headers, body })).code).toBe(good);
    });

    test("may have unknown fields of any type", async () => {
      const more = { id: 1, salt: null, isAdmin: true, profilePath: ["x"], list: [{ a: {} }] };
      const body = JSON.stringify({ ...more, ...fields(), constructor: "x", toString: 1 });
      expect((await send(body, JSON_TYPE)).code).toBe(good);
      const form = new URLSearchParams({ id: "1", "": "", ...fields(), isAdmin: "true" });
      expect((await send(`&&${form}&&novalue`, FORM_TYPE)).code).toBe(good);
    });

    for (const field of Object.keys(fields())) {
      test.each(Object.entries(WRONG_TYPES))(`with ${field} as %s is refused`, async (_, value) => {
        const body = JSON.stringify({ ...fields(), [field]: value });
        const answer = await send(body, JSON_TYPE);
        expect([answer.code, answer.status]).toEqual(["6", 400]);
      });

      test(`without ${field} is refused`, async () => {
        const { [field]: _, ...rest } = fields();
        for (const [body, type] of [
          [JSON.stringify(rest), JSON_TYPE],
          [`${new URLSearchParams(rest)}`, FORM_TYPE],
          [JSON.stringify({ ...rest, [field.toUpperCase()]: "graceful" }), JSON_TYPE],
        ] as const) {
          const answer = await send(body, type);
          expect([answer.code, answer.status]).toEqual(["6", 400]);
        }
      });
    }

    test.each([
      ["nothing", ""],
      ["white space", " \n"],
      ["null", "null"],
      ["true", "true"],
      ["a number", "42"],
      ["a string", '"grace"'],
      ["an empty array", "[]"],
      ["an array of pairs", '[["username","grace"],["password","hopper1906"],["nickname","x"]]'],
      ["an empty object", "{}"],
      ["an object cut off", '{"username":"grace"'],
      ["a comma too many", '{"username":"grace","password":"hopper1906","nickname":"x",}'],
      ["single quotes", "{'username':'grace','password':'hopper1906','nickname':'x'}"],
      ["two objects", '{"username":"grace","password":"hopper1906","nickname":"x"}{}'],
      ["a form", "username=grace&password=hopper1906&nickname=x"],
      ["fields of the prototype", '{"__proto__":{"username":"grace","password":"hopper1906"}}'],
      ["arrays in arrays", "[".repeat(30_000)],
      ["objects in objects", '{"username":'.repeat(5000)],
      ["closed arrays in arrays", `{"username":${"[".repeat(9000)}${"]".repeat(9000)}}`],
    ])("of JSON that is %s is refused", async (_, body) => {
      const answer = await send(new TextEncoder().encode(body), JSON_TYPE);
      expect([answer.code, answer.status]).toEqual(["6", 400]);
    });

    test.each([
      ["a lone byte", [0xff]],
      ["a letter cut off", [0xc3]],
      ["an overlong slash", [0xc0, 0xaf]],
      ["a surrogate", [0xed, 0xa0, 0x80]],
      ["a code point past the last", [0xf4, 0x90, 0x80, 0x80]],
    ])("of JSON that is not UTF-8 (%s) is refused", async (_, bytes) => {
      const [last] = Object.keys(fields()).slice(-1);
      const { [last ?? ""]: value = "", ...rest } = fields();
      const open = `${JSON.stringify(rest).slice(0, -1)}${Object.keys(rest).length ? "," : ""}`;
      const text = `${open}"${last}":"${value.slice(0, 5)}`;
      const body = Buffer.concat([Buffer.from(text), Buffer.from(bytes), Buffer.from('"}')]);
      const answer = await send(body, JSON_TYPE);
      expect([answer.code, answer.status]).toEqual(["6", 400]);
    });

    test.each([
      ["empty", ""],
      ["without pairs", "&&&"],
      ["of names alone", "username&password&nickname"],
      ["JSON", '{"username":"grace","password":"hopper1906","nickname":"x"}'],
    ])("of a form that is %s is refused", async (_, body) => {
      const answer = await send(new TextEncoder().encode(body), FORM_TYPE);
      expect([answer.code, answer.status]).toEqual(["6", 400]);
    });

    test("may have 64 KiB, with Content-Length or in chunks", async () => {
      for (const [make, type] of [
        [jsonOfSize, JSON_TYPE],
        [formOfSize, FORM_TYPE],
      ] as const) {
        expect((await send(make(fields(), LIMIT_BYTES), type)).code).toBe(good);
        expect((await send(chunked(Buffer.from(make(fields(), LIMIT_BYTES))), type)).code).toBe(
          good,
        );
      }
    });

    test("of one byte more is refused with 413, with Content-Length or in chunks", async () => {
      for (const [make, type] of [
        [jsonOfSize, JSON_TYPE],
        [formOfSize, FORM_TYPE],
      ] as const) {
        for (const size of [LIMIT_BYTES + 1, 2 * LIMIT_BYTES]) {
          const ahead = await send(make(fields(), size), type);
          expect([ahead.code, ahead.status]).toEqual(["6", 413]);
          const inChunks = await send(chunked(Buffer.from(make(fields(), size))), type);
          expect([inChunks.code, inChunks.status]).toEqual(["6", 413]);
        }
      }
    });
  });

  describe("methods and paths", () => {
    const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    test.each(Object.values(ALL_ENDPOINTS))(
      "$path allows $methods and no more",
      async (endpoint) => {
        const { api: owner, username } = await newMember(shared.stack);
        const allowed: readonly string[] = endpoint.methods;
        for (const method of METHODS.filter((name) => !allowed.includes(name))) {
          const answer = await owner.send(method, endpoint.path);
          expect([answer.code, answer.status]).toEqual(["6", 405]);
          const named = (answer.headers.get("allow") ?? "").split(/\s*,\s*/);
          // HEAD may come with GET.
          expect(named.filter((name) => name !== "HEAD").sort()).toEqual([...allowed].sort());
        }
        expect(await nicknameOf(owner)).toBe(username);
      },
    );

    test.each([
      "/api",
      "/api/",
      "/api/entrytask/user",
      "/api/entrytask/user/",
      "/api/entrytask/user/unknown",
      "/api/entrytask/user/signup/more",
      "/api/entrytask/user/SignUp",
      "/api/entrytask/signin",
      "/api/entrytask/user/get_user_info.json",
      "/unknown",
      "/unknown.html",
      "/signin.html/x",
      "/favicon.ico.html",
      "/%00",
      "/%ff",
      "/constructor",
      "/__proto__",
    ])("%p is an unknown path, whatever the method", async (path) => {
      const owner = await member();
      for (const method of METHODS) {
        const answer = await owner.send(method, path);
        expect([method, answer.code, answer.status]).toEqual([method, "6", 404]);
      }
    });

    test("a query changes nothing about the endpoint and gives it no fields", async () => {
      const username = newName();
      const query = new URLSearchParams({ username, password: PASSWORD });
      expect((await api().post(`${signUp.path}?${query}`, {})).code).toBe("6");
      const fields = { username, password: PASSWORD };
      expect((await api().post(`${signUp.path}?username=x`, fields)).code).toBe("7");
      const owner = await member();
      expect((await owner.send("GET", `${userInfo.path}?sessionID=x`)).code).toBe("7");
    });

    test("a sign-out by POST may have a body", async () => {
      const form = (await member()).postForm(signOut.path, { username: "grace" });
      expect((await form).code).toBe("7");
      expect((await (await member()).post(signOut.path, {})).code).toBe("7");
    });

    test("the avatar takes no Content-Encoding but identity", async () => {
      const form = new Response(new FormData());
      const headers = { "Content-Type": form.headers.get("content-type") ?? "" };
      const body = new Uint8Array(9);
      const sent = { headers: { ...headers, "Content-Encoding": "gzip" }, body };
      const answer = await (await member()).send("POST", avatar.path, sent);
      expect([answer.code, answer.status]).toEqual(["6", 415]);
    });

    test("the avatar takes multipart and no other type", async () => {
      const owner = await member();
      const asJson = await owner.post(avatar.path, { profilePic: "x" });
      expect([asJson.code, asJson.status]).toEqual(["6", 415]);
      const asForm = await owner.postForm(avatar.path, { profilePic: "x" });
      expect([asForm.code, asForm.status]).toEqual(["6", 415]);
      const body = new TextEncoder().encode("x");
      const untyped = await owner.send("POST", avatar.path, { body });
      expect([untyped.code, untyped.status]).toEqual(["6", 415]);
    });
  });
});
