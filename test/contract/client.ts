import { expect } from "bun:test";
import type { Stack } from "../stack.ts";
import { JSON_SET, securityOf } from "./headers.ts";
import { expectDocumented, isDocumentedBody, takesJson } from "./openapi.ts";

/** The error table of the contract, with every status that may go with a code. */
const TABLE: Readonly<Record<string, { message: string; statuses: readonly number[] }>> = {
  "0": { message: "ServerError", statuses: [500, 503, 504, 429] },
  "1": { message: "DataBaseError", statuses: [503] },
  "2": { message: "InvalidSessionError", statuses: [401] },
  "3": { message: "UserExistedError", statuses: [409] },
  "4": { message: "UserNotExistError", statuses: [404] },
  "5": { message: "PasswordError", statuses: [401] },
  "6": { message: "InvalidParamsError", statuses: [400, 403, 404, 405, 413, 415] },
  "7": { message: "success", statuses: [200] },
};

const USER = "/api/entrytask/user";

/** What one endpoint is called with, beside its fields. */
export const ENDPOINTS = {
  signUp: { path: `${USER}/signup`, methods: ["POST"] },
  signIn: { path: `${USER}/signin`, methods: ["POST"] },
  signOut: { path: `${USER}/signout`, methods: ["GET", "POST"] },
  userInfo: { path: `${USER}/get_user_info`, methods: ["GET"] },
  avatar: { path: `${USER}/update_profile_pic`, methods: ["POST"] },
  nickname: { path: `${USER}/update_nickname`, methods: ["POST"] },
} as const;

export const UUID_V3 = /^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** An answer of the API that has passed the table. */
export interface Answer {
  readonly status: number;
  readonly code: string;
  readonly data: unknown;
  readonly text: string;
  readonly headers: Headers;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Fields = Readonly<Record<string, Json>>;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The one place through which every answer of the API goes: hold it to the closed table. */
function readAnswer(status: number, headers: Headers, text: string): Answer {
  const shown = `${status} ${text.slice(0, 300)}`;
  expect(headers.get("content-type"), shown).toMatch(/^application\/json\b/);
  expect(securityOf(headers), shown).toMatchObject(JSON_SET);
  const body: unknown = JSON.parse(text);
  if (!isRecord(body)) throw new Error(`The answer is not an object: ${shown}`);
  expect(Object.keys(body), shown).toEqual(["errCode", "errMsg", "data"]);
  // Written back, it is the same text: no key twice, no space, nothing behind it.
  expect(text).toBe(JSON.stringify(body));
  const code = String(body.errCode);
  expect(body.errCode, shown).toBe(code);
  const row = TABLE[code];
  if (!row) throw new Error(`The table has no such code: ${shown}`);
  expect(body.errMsg, shown).toBe(row.message);
  expect(row.statuses, shown).toContain(status);
  if (code !== "7") expect(body.data, shown).toBe("");
  if (code === "6") expectDetail(headers.get("x-error-detail") ?? "", shown);
  else expect(headers.get("x-error-detail"), shown).toBeNull();
  if (status === 405) expect(headers.get("allow"), shown).toBeTruthy();
  if (code === "0" && status === 503)
    expect(headers.get("retry-after"), shown).toMatch(/^[1-9]\d*$/);
  if (status === 429) expect(headers.get("retry-after"), shown).toBeTruthy();
  return { status, code, data: body.data, text, headers };
}

/** What is wrong, in a header: a name, and the rule that it breaks. */
function expectDetail(detail: string, shown: string): void {
  expect(detail, shown).toMatch(/^[A-Za-z][\w .-]*: [\x20-\x7e]+$/);
  expect(detail.length, shown).toBeLessThanOrEqual(200);
}

/** A client of the HTTP API, with the cookie header that it sends. */
export class Api {
  readonly url: string;
  readonly cookie: string | undefined;

  constructor(url: string, cookie?: string) {
    this.url = url;
    this.cookie = cookie;
  }

  /** The same server, with `cookie` as the whole cookie header. */
  withCookie(cookie: string): Api {
    return new Api(this.url, cookie);
  }

  withSession(sessionId: string): Api {
    return this.withCookie(`sessionID=${sessionId}`);
  }

  async send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const response = await this.fetch(method, path, sent);
    const { status, headers } = response;
    const answer = readAnswer(status, headers, await response.text());
    expectDocumented({ method, path, status, headers, body: JSON.parse(answer.text) });
    return answer;
  }

  /** Any path, pages and pictures too: nothing is followed and nothing is checked. */
  fetch(method: string, path: string, { headers, body }: Sent = {}): Promise<Response> {
    return fetch(this.url + path, {
      method,
      redirect: "manual",
      headers: { ...(this.cookie === undefined ? {} : { Cookie: this.cookie }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  }

  async post(path: string, fields: Fields, headers: Sent["headers"] = {}): Promise<Answer> {
    const answer = await this.send("POST", path, {
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(fields),
    });
    // The document takes just what the server takes.
    if (takesJson("POST", path) && (answer.status === 200 || answer.status === 400)) {
      const isTaken = answer.status === 200;
      expect(isDocumentedBody("POST", path, fields), JSON.stringify(fields)).toBe(isTaken);
    }
    return answer;
  }

  postForm(path: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send("POST", path, { body: new URLSearchParams(fields) });
  }

  signUp(username: string, password: string): Promise<Answer> {
    return this.post(ENDPOINTS.signUp.path, { username, password });
  }

  signIn(username: string, password: string): Promise<Answer> {
    return this.post(ENDPOINTS.signIn.path, { username, password });
  }

  signOut(method: "GET" | "POST" = "GET"): Promise<Answer> {
    return this.send(method, ENDPOINTS.signOut.path);
  }

  userInfo(): Promise<Answer> {
    return this.send("GET", ENDPOINTS.userInfo.path);
  }

  nickname(nickname: string): Promise<Answer> {
    return this.post(ENDPOINTS.nickname.path, { nickname });
  }

  avatar(form: FormData): Promise<Answer> {
    return this.send("POST", ENDPOINTS.avatar.path, { body: form });
  }
}

/** The session id of a successful sign-in, from its only cookie of that name. */
export function sessionIdOf(answer: Answer): string {
  const all = answer.headers.getSetCookie();
  const cookies = all.filter((cookie) => !/^(__Secure-)?deviceID=/.test(cookie));
  expect(cookies).toHaveLength(1);
  return /^sessionID=([^;]*);/.exec(cookies[0] ?? "")?.[1] ?? "";
}

export interface Profile {
  readonly username: string;
  readonly nickname: string;
  readonly profilePath: string;
}

/** The profile in a successful answer: these keys in this order, all of them strings. */
export function profileOf(answer: Answer): Profile {
  expect(answer.code).toBe("7");
  const { data } = answer;
  if (!isRecord(data)) throw new Error(`No profile: ${answer.text}`);
  expect(Object.keys(data)).toEqual(["username", "nickname", "profilePath"]);
  const text = (key: string): string => {
    const value = data[key];
    if (typeof value !== "string") throw new Error(`${key} is not a string: ${answer.text}`);
    return value;
  };
  return {
    username: text("username"),
    nickname: text("nickname"),
    profilePath: text("profilePath"),
  };
}

/** A body that is sent in chunks. Of a Blob's stream, fetch would know the length and send it. */
export function chunked(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = bytes.subarray(sent, sent + 20_000);
      sent += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
}

/** A session id that nobody was given, in the form of those that are. */
export const UNKNOWN_SESSION = "5df41881-3aed-3515-88a7-2f4a814cf09e";

let names = 0;

/** A username that no other test of this process uses. */
export function newName(): string {
  names += 1;
  return `user${names}`;
}

export interface Member {
  readonly username: string;
  readonly password: string;
  readonly sessionId: string;
  /** Sends the cookie of the session. */
  readonly api: Api;
}

/** Sign a new user up and in. */
export async function newMember(
  { url }: Pick<Stack, "url">,
  username = newName(),
  password = "hopper1906",
): Promise<Member> {
  const api = new Api(url);
  expect((await api.signUp(username, password)).code).toBe("7");
  const sessionId = sessionIdOf(await api.signIn(username, password));
  expect(sessionId).toMatch(UUID_V3);
  return { username, password, sessionId, api: api.withSession(sessionId) };
}

/** Sign a user in once more, from another browser. */
export async function signInAgain({ api, username, password }: Member): Promise<Api> {
  return api.withSession(sessionIdOf(await new Api(api.url).signIn(username, password)));
}

/** The nickname that `api`'s session shows. */
export async function nicknameOf(api: Api): Promise<string> {
  return profileOf(await api.userInfo()).nickname;
}
