import { eachCallEndpoint, OWN_ENDPOINTS } from "../src/gen/http-endpoints.ts";
import { type MethodDescription, SystemClient } from "../src/gen/system.ts";
import { isObject } from "../src/rpc/json.ts";
import type { Caller, Validator } from "../src/rpc/method.ts";
import type { Marks } from "./marks.ts";

// Requests with marked secrets, for every endpoint and method that there is.

/** A user with a session. All but the name are marks. */
export interface MarkedUser {
  readonly username: string;
  readonly password: string;
  readonly sessionId: string;
}

export interface Sender {
  /** Gives a user for one endpoint or method. */
  newUser(): Promise<MarkedUser>;
  readonly marks: Marks;
  /** The endpoints and methods whose field `username` has no mark: it is written. */
  readonly publicNames: RegExp;
  /** 1 for all requests. */
  readonly every: number;
}

/** Whether a body's field holds no secret. Every other field gets a mark, new ones, too. */
const PUBLIC: Readonly<Record<string, unknown>> = {
  nickname: "Amazing",
  profilePath: "default.webp",
  names: ["default.webp"],
  limit: 3,
};

interface HttpTarget {
  readonly path: string;
  readonly methods: readonly string[];
  readonly fields: readonly string[];
}

/** Every endpoint. A path with a parameter gets a mark there. */
function httpTargets(marks: Marks): HttpTarget[] {
  const targets: HttpTarget[] = [];
  eachCallEndpoint((endpoint) => targets.push(endpoint));
  for (const { path, methods } of OWN_ENDPOINTS) {
    const filled = path.replace(/:\w+/, () => marks.make("a part of the path"));
    targets.push({ path: filled, methods, fields: ["profilePic", "username"] });
  }
  return targets;
}

/** A mark in each field, or what a good request has there. */
function contentOf(field: string, user: MarkedUser, marks: Marks, isGood: boolean): unknown {
  if (field === "username") return user.username;
  if (field in PUBLIC) return PUBLIC[field];
  if (isGood && (field === "password" || field === "oldPassword")) return user.password;
  if (isGood && field === "sessionId") return user.sessionId;
  if (field === "client") {
    const deviceIds = [marks.make("a device id")];
    return { address: "203.0.113.9", deviceIds, sessionIds: [marks.make("a session id")] };
  }
  return marks.make(`${field} of a request`);
}

type Fields = Record<string, unknown>;

/** Bodies with marks in the right places, right and wrong, and in places that none expects. */
function bodiesOf(
  target: string,
  names: readonly string[],
  user: MarkedUser,
  { marks, publicNames }: Sender,
): Fields[] {
  const isPublic = publicNames.test(target);
  const filled = (isGood: boolean): Fields =>
    Object.fromEntries(names.map((name) => [name, contentOf(name, user, marks, isGood)]));
  const secret = isPublic ? names.filter((name) => name !== "username") : names;
  const odd = secret.flatMap((name): Fields[] => [
    { ...filled(true), [name]: [marks.make("an item")] },
    { ...filled(true), [name]: { [marks.make("a key")]: marks.make("a value") } },
    { ...filled(true), [name]: `${marks.make("a long text")}${marks.make("its end")}` },
    { ...filled(true), [name]: `\u0000${marks.make("an unprintable text")}` },
  ]);
  const swapped = { [marks.make("a key")]: "password", more: marks.make("an unknown field") };
  // People type the password where the name belongs.
  const asName = isPublic
    ? []
    : [{ ...filled(true), username: marks.make("a password as the username") }];
  // The good one comes last: it may end the session.
  return [...odd, { ...filled(true), ...swapped }, ...asName, filled(false), filled(true)];
}

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

function* sendings(target: HttpTarget, user: MarkedUser, sender: Sender): Generator<RequestInit> {
  const { marks } = sender;
  const type = (value: string) => ({ "Content-Type": value });
  const raw = () => `{"password":"${marks.make("a part of a body")}`;
  yield { headers: type(JSON_TYPE), body: raw() };
  yield { headers: type(JSON_TYPE), body: JSON.stringify(marks.make("a body")) };
  yield { headers: type("text/plain"), body: raw() };
  yield { headers: type(marks.make("a type")), body: raw() };
  yield {
    headers: { ...type(JSON_TYPE), "Content-Encoding": marks.make("an encoding") },
    body: "{}",
  };
  yield { headers: type(`${JSON_TYPE}; charset=${marks.make("a charset")}`), body: raw() };
  yield { headers: type("multipart/form-data; boundary=x"), body: `--x\r\n${raw()}` };
  yield { headers: { Authorization: `Bearer ${marks.make("a bearer")}` } };
  yield { headers: { Authorization: `Basic ${btoa(`grace:${marks.make("a basic")}`)}` } };
  yield { headers: { Cookie: `sessionID=${marks.make("a session cookie")}` } };
  yield { headers: { Cookie: `deviceID=${marks.make("a device cookie")}` } };
  const file = new FormData();
  file.set("profilePic", new Blob([marks.make("a picture")]), marks.make("a file name"));
  file.set("username", marks.make("a password as the username"));
  file.set(marks.make("a name of a part"), marks.make("a part"));
  yield { body: file };
  for (const body of bodiesOf(target.path, target.fields, user, sender)) {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(body)) form.append(name, String(value));
    yield { headers: type(FORM_TYPE), body: form.toString() };
    yield { headers: type(JSON_TYPE), body: JSON.stringify(body) };
  }
}

/** A request without an answer must not end as a test without a reason. */
const ANSWER_MS = 20_000;

/** What has been answered: the status, and everything that a program or person may write down. */
export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** Of many requests, take each `every`th and the last. */
const thin = <T>(requests: readonly T[], every: number): T[] =>
  requests.filter((_, index) => index % every === 0 || index === requests.length - 1);

/** Send marks to every endpoint. */
export async function sendOverHttp(url: string, sender: Sender): Promise<Answered[]> {
  const { newUser, marks, every } = sender;
  const answers = httpTargets(marks).map(async (target) => {
    const user = await newUser();
    const answered: Answered[] = [];
    const query = `?password=${marks.make("a query")}`;
    for (const { headers, ...rest } of thin([...sendings(target, user, sender)], every)) {
      for (const method of rest.body === undefined ? target.methods : ["POST"]) {
        const cookie = { Cookie: `sessionID=${user.sessionId}` };
        const signal = AbortSignal.timeout(ANSWER_MS);
        const sent = { ...rest, headers: { ...cookie, ...headers } };
        const init = { redirect: "manual", method, signal, ...sent };
        answered.push(await answerOf(fetch(url + target.path + query, init as RequestInit)));
      }
    }
    return answered;
  });
  const strange = [`/${marks.make("a path")}`, `/api/entrytask/user/${marks.make("a path")}`];
  const lost = strange.map(async (path) => [
    await answerOf(fetch(url + path, { signal: AbortSignal.timeout(ANSWER_MS) })),
  ]);
  return (await Promise.all([...answers, ...lost])).flat();
}

async function answerOf(answer: Promise<Response>): Promise<Answered> {
  const response = await answer;
  const headers = [...response.headers].filter(([name]) => name !== "set-cookie");
  return { status: response.status, text: `${JSON.stringify(headers)} ${await response.text()}` };
}

/** Accepts every message, so that wrong ones are sent. */
const ANYTHING: Validator<unknown> = {
  Check: (_value): _value is unknown => true,
  Errors: () => ({ First: () => undefined }),
  Schema: () => ({}),
};

/** Send marks to every method of a server. Returns the name and the outcome of each call. */
export async function sendOverRpc(caller: Caller, sender: Sender): Promise<string[]> {
  const { newUser, marks, every } = sender;
  const { services } = await new SystemClient(caller).describe({});
  const calls = services.flatMap(({ service, methods }) =>
    methods.map(async (described) => {
      const user = await newUser();
      const outcomes: string[] = [];
      const method = methodOf(service, described);
      const bodies = bodiesOf(method.name, fieldsOf(described), user, sender);
      for (const body of thin([marks.make("a body"), ...bodies], every)) {
        const outcome = await caller.call(method, body).then(
          () => "done",
          (error: unknown) => `${error}`,
        );
        outcomes.push(`${method.name} ${outcome}`);
      }
      return outcomes;
    }),
  );
  return (await Promise.all(calls)).flat();
}

function fieldsOf({ request }: MethodDescription): string[] {
  const properties = isObject(request) ? request.properties : undefined;
  return isObject(properties) ? Object.keys(properties) : [];
}

function methodOf(service: string, { name, number, hash, summary }: MethodDescription) {
  const wire = { name: `${service}.${name}`, number, hash, summary };
  return { ...wire, idempotent: false, errors: [], request: ANYTHING, reply: ANYTHING };
}
