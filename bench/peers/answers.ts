import { ERRORS, type ErrorName } from "../../schema/errors.ts";
import { type Credentials, profileOf, SESSION_COOKIE, UNKNOWN_SESSION, USER_API } from "./api.ts";

const ANSWER_TIMEOUT_MS = 10_000;
const COOKIE_ATTRIBUTES = ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"];

const NO_SESSION = { name: "InvalidSessionError" } as const;

interface Sent {
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** Sent unchanged, with this type. */
  readonly raw?: readonly [type: string, body: string];
  readonly session?: string;
}

interface Expected {
  readonly name: ErrorName;
  /** If it is not the usual status of the error. */
  readonly status?: number;
  /** Default: "". */
  readonly data?: unknown;
}

/**
 * Check that a service keeps the contract for accounts, sessions and nicknames. The check leaves
 * one new user behind, without a session.
 * @param origin as in `http://127.0.0.1:9090`
 * @param user made by `bun run seed`, with an unchanged profile
 * @throws Error which check failed, the expected and the actual answer
 */
export async function checkService(origin: string, user: Credentials): Promise<void> {
  const service = new Service(origin);
  const fresh = { username: `peer${randomText(9)}`, password: randomText(12) };
  await checkSignUp(service, fresh);
  const session = await checkSignIn(service, fresh);
  await checkSessions(service, fresh, session);
  await checkBodies(service, session);
  await checkNickname(service, fresh, session);
  await checkSignOut(service, fresh, session);
  await checkSeededUser(service, user);
}

/**
 * Check that a ceiling, which gives fixed answers to two endpoints, answers as a service does.
 * @param user the user of the fixed answers
 * @throws Error as `checkService` does
 */
export async function checkCeiling(origin: string, user: Credentials): Promise<void> {
  await checkProfile(new Service(origin), user);
}

async function checkSignUp(service: Service, fresh: Credentials): Promise<void> {
  await service.post("sign up", "signup", { json: fresh }, { name: "success" });
  const taken = { name: "UserExistedError" } as const;
  await service.post("sign up with a name that is taken", "signup", { json: fresh }, taken);
  await service.post("sign up the same by a form", "signup", { form: { ...fresh } }, taken);
}

/** @returns the session's id */
async function checkSignIn(service: Service, fresh: Credentials): Promise<string> {
  const wrong: Sent = { json: { ...fresh, password: "hopper1906" } };
  const unknown: Sent = { json: { ...fresh, username: `none${randomText(9)}` } };
  await service.post("wrong password", "signin", wrong, { name: "PasswordError" });
  await service.post("sign in as an unknown user", "signin", unknown, {
    name: "UserNotExistError",
  });
  return signIn(service, "sign in", { json: fresh });
}

async function checkSessions(
  service: Service,
  { username }: Credentials,
  session: string,
): Promise<void> {
  const data = profileOf(username);
  const info = "get_user_info";
  await service.get("user info", info, { session }, { name: "success", data });
  await service.get("user info, cached", info, { session }, { name: "success", data });
  await service.get("user info without a cookie", info, {}, NO_SESSION);
  await service.get("user info, malformed cookie", info, { session: "a'b" }, NO_SESSION);
  const unknown = { session: UNKNOWN_SESSION };
  await service.get("user info of an unknown session", info, unknown, NO_SESSION);
}

async function checkBodies(service: Service, session: string): Promise<void> {
  const invalid = { name: "InvalidParamsError" } as const;
  const password = "hopper1906";
  const refused = {
    "a body cut short": { raw: ["application/json", '{"username":"gra'] },
    "a body that is no object": { json: ["grace", password] },
    "a number as username": { json: { username: 123456, password } },
    "no password": { json: { username: "grace" } },
    "a username too short": { json: { username: "abc", password } },
    "a username too short, by a form": { form: { username: "abc", password } },
    "a username too long": { json: { username: "a".repeat(14), password } },
    "a username with a space": { json: { username: "gra ce", password } },
    "a password too short": { json: { username: "grace", password: "abc" } },
  } as const satisfies Record<string, Sent>;
  for (const [what, sent] of Object.entries<Sent>(refused)) {
    await service.post(`sign up: ${what}`, "signup", sent, invalid);
    await service.post(`sign in: ${what}`, "signin", sent, invalid);
  }
  const text: Sent = { raw: ["text/plain", JSON.stringify({ username: "grace", password })] };
  await service.post("a body of another type", "signin", text, { ...invalid, status: 415 });
  for (const nickname of ["", "123456789", "\u0000"]) {
    const check = `nickname ${JSON.stringify(nickname)}`;
    await service.post(check, "update_nickname", { json: { nickname }, session }, invalid);
    await service.post(`${check}, no cookie`, "update_nickname", { json: { nickname } }, invalid);
  }
}

async function checkNickname(
  service: Service,
  { username }: Credentials,
  session: string,
): Promise<void> {
  const path = "update_nickname";
  await service.post("nickname without a cookie", path, { json: { nickname: "Amy" } }, NO_SESSION);
  for (const nickname of ["Amazing", "🦋é日本語 ok"]) {
    const success = { name: "success", data: nickname } as const;
    const read = { name: "success", data: profileOf(username, nickname) } as const;
    for (const sent of [{ json: { nickname } }, { form: { nickname } }]) {
      const check = `nickname ${nickname}, as ${Object.keys(sent)}`;
      await service.post(check, path, { ...sent, session }, success);
      await service.get(`${check}, read`, "get_user_info", { session }, read);
    }
    // The service stores NFC, whatever form was sent.
    const decomposed = { json: { nickname: nickname.normalize("NFD") }, session };
    await service.post(`nickname ${nickname}, decomposed`, path, decomposed, success);
  }
}

async function checkSignOut(service: Service, fresh: Credentials, session: string): Promise<void> {
  const other = await signIn(service, "sign in by a form", { form: { ...fresh } });
  const cookies = await service.get("sign out", "signout", { session }, { name: "success" });
  if (!cookies[0]?.startsWith("sessionID=;")) {
    throw failed("sign out", "a Set-Cookie that clears sessionID", `${cookies[0]}`);
  }
  await service.get("user info, signed out", "get_user_info", { session }, NO_SESSION);
  await service.get("sign out again", "signout", { session }, NO_SESSION);
  await service.post("sign out by POST", "signout", { session: other }, { name: "success" });
  await service.get("user info, signed out", "get_user_info", { session: other }, NO_SESSION);
}

async function checkSeededUser(service: Service, user: Credentials): Promise<void> {
  const session = await checkProfile(service, user);
  await service.get(`sign out ${user.username}`, "signout", { session }, { name: "success" });
}

/** @returns the session's id */
async function checkProfile(service: Service, user: Credentials): Promise<string> {
  const { username, password } = user;
  const session = await signIn(service, `sign in as ${username}`, { json: { username, password } });
  const data = profileOf(username);
  await service.get(`info of ${username}`, "get_user_info", { session }, { name: "success", data });
  return session;
}

/** @returns the id of the new session */
async function signIn(service: Service, check: string, sent: Sent): Promise<string> {
  const cookies = await service.post(check, "signin", sent, { name: "success" });
  // A sign-in may set cookies of other names, too.
  const [cookie = "", ...more] = cookies.filter((each) => each.startsWith("sessionID="));
  const [, session] = SESSION_COOKIE.exec(cookie) ?? [];
  const attributes = cookie.split("; ");
  if (session && more.length === 0 && COOKIE_ATTRIBUTES.every((each) => attributes.includes(each)))
    return session;
  const expected = `one Set-Cookie: sessionID=<UUID v3>; ${COOKIE_ATTRIBUTES.join("; ")}`;
  throw failed(check, expected, JSON.stringify(cookies));
}

class Service {
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get(check: string, path: string, sent: Sent, expected: Expected): Promise<string[]> {
    return this.#ask(check, "GET", path, sent, expected);
  }

  post(check: string, path: string, sent: Sent, expected: Expected): Promise<string[]> {
    return this.#ask(check, "POST", path, sent, expected);
  }

  async #ask(
    check: string,
    method: string,
    path: string,
    sent: Sent,
    { name, status = ERRORS[name].status, data = "" }: Expected,
  ): Promise<string[]> {
    const [type, body] = bodyOf(sent);
    const response = await fetch(`${this.#origin}${USER_API}/${path}`, {
      method,
      headers: {
        ...(type === undefined ? {} : { "Content-Type": type }),
        ...(sent.session === undefined ? {} : { Cookie: `sessionID=${sent.session}` }),
      },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw failed(check, `${status}`, `${cause}`);
    });
    const text = await response.text();
    const envelope = JSON.stringify({ errCode: ERRORS[name].code, errMsg: name, data });
    const expected = `${status} ${envelope}`;
    if (response.status !== status || normalized(text) !== envelope) {
      throw failed(check, expected, `${response.status} ${text}`);
    }
    return response.headers.getSetCookie();
  }
}

function bodyOf({ json, form, raw }: Sent): readonly [type?: string, body?: string] {
  if (json !== undefined) return ["application/json", JSON.stringify(json)];
  if (form === undefined) return raw ?? [];
  return ["application/x-www-form-urlencoded", `${new URLSearchParams(form)}`];
}

/** Without differences in spaces and escapes, which JSON allows. The order of the keys counts. */
function normalized(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function failed(check: string, expected: string, actual: string): Error {
  return new Error(`${check}: expected ${expected}, but got ${actual}`);
}

function randomText(length: number): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, length);
}
