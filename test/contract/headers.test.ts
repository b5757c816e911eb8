import { expect, setDefaultTimeout, test } from "bun:test";
import { Refusal } from "../../src/http/reply.ts";
import { startFront } from "../http-front.ts";
import { startStack } from "../stack.ts";
import { Api, ENDPOINTS, newMember } from "./client.ts";
import {
  FILE_SET,
  type HeaderSet,
  JSON_SET,
  PAGE_SET,
  PICTURE_SET,
  securityOf,
} from "./headers.ts";
import { getRaw, sendRaw } from "./raw-http.ts";

// The headers for security: the whole set of each kind of answer.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const { userInfo, signIn, signUp, signOut, nickname } = ENDPOINTS;
const JSON_BODY = { "Content-Type": "application/json" };

/** What to ask for, and the status and headers of its answer. A member asks. */
const ANSWERS: readonly (readonly [string, string, number, HeaderSet, RequestInit?])[] = [
  ["GET", userInfo.path, 200, JSON_SET],
  ["HEAD", userInfo.path, 200, JSON_SET],
  ["GET", userInfo.path, 401, JSON_SET, { headers: { Cookie: "sessionID=x" } }],
  ["POST", signIn.path, 400, JSON_SET, { headers: JSON_BODY, body: "{}" }],
  ["POST", signUp.path, 415, JSON_SET, { headers: { "Content-Type": "text/x" }, body: "x" }],
  ["POST", signUp.path, 413, JSON_SET, { headers: JSON_BODY, body: " ".repeat(70_000) }],
  ["POST", nickname.path, 403, JSON_SET, { headers: { "Sec-Fetch-Site": "cross-site" } }],
  ["GET", signIn.path, 405, JSON_SET],
  ["HEAD", signOut.path, 405, JSON_SET],
  ["GET", "/nothing", 404, JSON_SET],
  ["GET", "/avatars/nothing.webp", 404, JSON_SET],
  ["POST", "/signIn.html", 405, JSON_SET],
  ["GET", "/avatars/default.webp", 200, PICTURE_SET],
  ["HEAD", "/avatars/default.webp", 200, PICTURE_SET],
  ["GET", "/", 302, FILE_SET],
  ["GET", "/", 302, FILE_SET, { headers: { Cookie: "" } }],
  ...["/signUp.html", "/signIn.html", "/userInfo.html", "/docs", "/docs.html"].map(
    (path) => ["GET", path, 200, PAGE_SET] as const,
  ),
  ...["/page.js", "/portico.css", "/favicon.svg", "/openapi.json", "/docs/swagger-ui.css"].map(
    (path) => ["GET", path, 200, FILE_SET] as const,
  ),
  ["GET", signOut.path, 200, JSON_SET],
  ["GET", "/livez", 200, FILE_SET],
  ["HEAD", "/readyz", 200, FILE_SET],
  ["POST", "/readyz", 405, JSON_SET],
];

test("every kind of answer has its headers for security, and no others", async () => {
  await using stack = await startStack();
  const { api } = await newMember(stack);
  for (const [method, path, status, headers, more] of ANSWERS) {
    const response = await askFor(api, method, path, more);
    const found = { path, status: response.status, headers: securityOf(response.headers) };
    expect(found).toEqual({ path, status, headers });
  }
});

test("with an https PUBLIC_URL, every answer also tells browsers to keep to https", async () => {
  const PUBLIC_URL = "https://accounts.example.com";
  await using stack = await startStack({ PUBLIC_URL });
  const { api } = await newMember(stack);
  const hsts = { "strict-transport-security": "max-age=31536000" };
  for (const [method, path, status, headers, more] of ANSWERS) {
    const response = await askFor(api, method, path, more);
    const found = { path, status: response.status, headers: securityOf(response.headers) };
    expect(found).toEqual({ path, status, headers: { ...headers, ...hsts } });
  }
});

test("an http PUBLIC_URL does not", async () => {
  await using stack = await startStack({ PUBLIC_URL: "http://accounts.example.com" });
  const response = await new Api(stack.url).fetch("GET", "/signIn.html");
  expect(securityOf(response.headers)).toEqual(PAGE_SET);
});

test("an answer to a path in another spelling, or to a second Host, has them too", async () => {
  await using stack = await startStack();
  const { head } = await getRaw(stack.url, "/..%2fpackage.json");
  for (const [name, value] of Object.entries(JSON_SET)) {
    expect(head.toLowerCase()).toContain(`${name}: ${value}`);
  }
  const request = "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n";
  const home = await sendRaw(stack.url, request);
  expect(home.head.toLowerCase()).toContain("content-security-policy: default-src 'none'");
});

test("an error outside a handler is answered with the headers of the API", async () => {
  const fails = async () => {
    throw new Refusal(400, "name: fails", { "X-Impossible": "\u0000" });
  };
  const avatars = { save: fails, remove: fails, find: fails, list: fails } as never;
  const publicOrigin = "https://accounts.example.com";
  await using front = await startFront({}, { avatars, publicOrigin });
  const response = await fetch(`${front.url}/avatars/any.webp`);
  expect(response.status).toBe(500);
  expect(await response.text()).toContain('"errCode":"0"');
  expect(front.logged.map(({ event }) => event)).toContain("request failed outside its handler");
  const hsts = { "strict-transport-security": "max-age=31536000" };
  expect(securityOf(response.headers)).toEqual({ ...JSON_SET, ...hsts });
});

function askFor(api: Api, method: string, path: string, more: RequestInit = {}): Promise<Response> {
  const headers = { Cookie: api.cookie ?? "", ...(more.headers as Record<string, string>) };
  return fetch(api.url + path, { redirect: "manual", ...more, method, headers });
}
