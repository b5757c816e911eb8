import { expect, setDefaultTimeout, test } from "bun:test";
import { NICKNAME_LENGTH, PASSWORD_LENGTH, USERNAME_LENGTH } from "../../schema/lengths.ts";
import { MAX_UPLOAD_BYTES, PICTURE_LIMITS } from "../../schema/picture.ts";
import { fillLimits } from "../../src/http/pages.ts";
import { Api, ENDPOINTS, newMember, UNKNOWN_SESSION } from "./client.ts";
import { describeHttp, sharedStack } from "./pairs.ts";
import { getRaw } from "./raw-http.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PAGES = ["/signUp.html", "/signIn.html", "/userInfo.html"];

describeHttp("pages", (pair) => {
  const shared = sharedStack(pair);
  const api = () => new Api(shared.stack.url);

  test.each(PAGES)("%s is HTML for anyone", async (page) => {
    const { api: member } = await newMember(shared.stack);
    for (const visitor of [api(), member, api().withSession("unknown")]) {
      const response = await visitor.fetch("GET", page);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^text\/html\b/);
      expect(await response.text()).toMatch(/^<!doctype html>/i);
    }
  });

  test.each([
    ["/signUp.html", ["username", "password"]],
    ["/signIn.html", ["username", "password"]],
    ["/userInfo.html", ["nickname", "profilePic"]],
  ])("%s has the fields %p and a button that submits them", async (page, fields) => {
    const text = await (await api().fetch("GET", page)).text();
    for (const field of fields) expect(text).toMatch(new RegExp(`name=["']?${field}\\b`));
    expect(text).toMatch(/type=["']?submit\b/);
  });

  test.each([
    ["/signUp.html", `${USERNAME_LENGTH.min} to ${USERNAME_LENGTH.max} letters`],
    ["/signUp.html", `${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters of any kind`],
    ["/signUp.js", `${USERNAME_LENGTH.min} to ${USERNAME_LENGTH.max} letters`],
    ["/signIn.js", `passwords have ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max}`],
    ["/userInfo.html", `${NICKNAME_LENGTH.min} to ${NICKNAME_LENGTH.max} characters`],
    ["/userInfo.html", `AVIF, ${PICTURE_LIMITS}.`],
    ["/userInfo.html", `data-max-bytes="${MAX_UPLOAD_BYTES}"`],
    ["/userInfo.js", `of ${PICTURE_LIMITS}.`],
  ])("%s says %p, as the schema does", async (path, limit) => {
    const text = await (await api().fetch("GET", path)).text();
    expect(text).toContain(limit);
    expect(text).not.toMatch(/\{\{\w+\}\}/);
  });

  test.each(PAGES)("%s loads only files that exist on its own server", async (page) => {
    const text = await (await api().fetch("GET", page)).text();
    const loaded = [...text.matchAll(/<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"/g)];
    for (const [, target = ""] of loaded) {
      const { href } = new URL(target, shared.stack.url + page);
      expect(href).toStartWith(`${shared.stack.url}/`);
      const response = await api().fetch("GET", href.slice(shared.stack.url.length));
      expect([target, response.status]).toEqual([target, 200]);
    }
  });

  test("/ redirects to the sign-in without a session, and to the user info with one", async () => {
    const { api: member, sessionId } = await newMember(shared.stack);
    for (const [visitor, page] of [
      [api(), "/signIn.html"],
      [member, "/userInfo.html"],
      [api().withCookie(`a=1; sessionID=${sessionId}; b=2`), "/userInfo.html"],
    ] as const) {
      const response = await visitor.fetch("GET", "/");
      expect(response.status).toBe(302);
      const { href } = new URL(response.headers.get("location") ?? "", shared.stack.url);
      expect(href).toBe(shared.stack.url + page);
    }
  });

  test("/ redirects to the sign-in after a sign-out, and with an unknown session", async () => {
    const { api: member } = await newMember(shared.stack);
    await member.signOut();
    for (const visitor of [member, api().withSession(UNKNOWN_SESSION), api().withSession("x")]) {
      const response = await visitor.fetch("GET", "/");
      expect(response.status).toBe(302);
      expect(response.headers.get("location")).toEndWith("/signIn.html");
    }
  });

  test.each([
    ...PAGES,
    "/userInfo.js",
    "/portico.css",
    "/favicon.svg",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui.css",
    "/avatars/default.webp",
    ENDPOINTS.userInfo.path,
  ])("%s is answered whole and with 200, even if a part of it is requested", async (path) => {
    const { api: member } = await newMember(shared.stack);
    const whole = await member.fetch("GET", path);
    const bytes = Buffer.from(await whole.arrayBuffer());
    for (const headers of [
      { Range: "bytes=0-3" },
      { Range: "bytes=-4" },
      { Range: "bytes=999999999-" },
      { Range: "bytes=0-1,4-5" },
      { Range: "nonsense" },
      { Range: "bytes=0-3", "If-Range": whole.headers.get("etag") ?? '"x"' },
      { Range: "bytes=0-3", "If-Range": new Date().toUTCString() },
      { "If-Match": '"x"' },
      { "If-None-Match": "*" },
      { "If-Modified-Since": new Date(Date.now() + 86_400_000).toUTCString() },
      { "If-Unmodified-Since": new Date(0).toUTCString() },
    ]) {
      const response = await member.fetch("GET", path, { headers });
      expect([headers, response.status]).toEqual([headers, 200]);
      expect(bytes.equals(await response.bytes())).toBe(true);
      expect(response.headers.get("content-range")).toBeNull();
    }
    const head = await member.fetch("HEAD", path, { headers: { Range: "bytes=0-3" } });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-type")).toBe(whole.headers.get("content-type"));
    expect(head.headers.get("content-length")).toBe(`${bytes.length}`);
  });

  test.each([
    ...PAGES,
    "/userInfo.js",
    "/portico.css",
    "/favicon.svg",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui-bundle.js",
    "/none",
  ])("%s says that its text is in UTF-8", async (path) => {
    const response = await api().fetch("GET", path);
    expect(response.headers.get("content-type")).toMatch(/; ?charset=utf-8$/);
  });

  test("and pictures take no other methods", async () => {
    for (const path of [...PAGES, "/", "/avatars/x.webp"]) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const answer = await api().send(method, path);
        expect(answer.code).toBe("6");
        expect([404, 405]).toContain(answer.status);
      }
    }
  });

  test("are found only under their own path, in one spelling", async () => {
    for (const target of [
      "/../package.json",
      "/%2e%2e/package.json",
      "/..%2fpackage.json",
      "/..%5cpackage.json",
      "//package.json",
      "/signIn.html%00",
      "/signIn.html/",
      "/signin.html",
      "/unknown//../signIn.html",
      `/unknown//../${ENDPOINTS.userInfo.path.slice(1)}`,
    ]) {
      const { status, body } = await getRaw(shared.stack.url, target);
      expect([target, status]).toEqual([target, 404]);
      expect(body).toBe('{"errCode":"6","errMsg":"InvalidParamsError","data":""}');
    }
  });

  test("and endpoints never refuse a method that Allow names", async () => {
    const { path } = ENDPOINTS.userInfo;
    for (const tidy of ["/signIn.html", "/avatars/default.webp", path, "/"]) {
      for (const way of ["/.", "/x/..", "/..", "//..", "/x//../.."]) {
        const { status, head } = await getRaw(shared.stack.url, way + tidy);
        expect([way + tidy, status, /^allow: .*/im.exec(head)?.[0]]).not.toContain(405);
      }
    }
  });
});

test("a page with an unknown limit stops the start", () => {
  expect(() => fillLimits("<p>{{usernameLength}} {{nicknameLengths}}</p>")).toThrow(
    "Cannot fill {{nicknameLengths}}: no limit has this name",
  );
});
