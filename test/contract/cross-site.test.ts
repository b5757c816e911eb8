import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { startFront } from "../http-front.ts";
import { ACCOUNT_ENDPOINTS, handleOf } from "./account-calls.ts";
import {
  type Answer,
  Api,
  ENDPOINTS,
  newMember,
  newName,
  nicknameOf,
  profileOf,
} from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeHttp, sharedStack } from "./pairs.ts";
import { sendRaw } from "./raw-http.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PUBLIC_URL = "https://accounts.example";
const RED_PNG = pngOf(2, 2, [255, 0, 0]);

type Headers = Readonly<Record<string, string>>;

/** What a request says about where it comes from, given the host and port that it is sent to. */
const OWN: Readonly<Record<string, (host: string) => Headers>> = {
  "neither header": () => ({}),
  "neither header, but a foreign Referer": () => ({ Referer: "https://evil.example/" }),
  "Sec-Fetch-Site same-origin": () => ({ "Sec-Fetch-Site": "same-origin" }),
  "Sec-Fetch-Site none": () => ({ "Sec-Fetch-Site": "none" }),
  "Sec-Fetch-Site same-origin and a foreign Origin": () => ({
    "Sec-Fetch-Site": "same-origin",
    Origin: "https://evil.example",
  }),
  "Sec-Fetch-Site none and Origin null": () => ({ "Sec-Fetch-Site": "none", Origin: "null" }),
  "the Origin of PUBLIC_URL": () => ({ Origin: PUBLIC_URL }),
  "the Origin of PUBLIC_URL behind a proxy": () => ({ Host: "10.0.0.7:9090", Origin: PUBLIC_URL }),
};

const FOREIGN: Readonly<Record<string, (host: string) => Headers>> = {
  "Sec-Fetch-Site cross-site": () => ({ "Sec-Fetch-Site": "cross-site" }),
  "Sec-Fetch-Site same-site": () => ({ "Sec-Fetch-Site": "same-site" }),
  "Sec-Fetch-Site of no known value": () => ({ "Sec-Fetch-Site": "sibling" }),
  "Sec-Fetch-Site cross-site and the Origin of the Host": (host) => ({
    "Sec-Fetch-Site": "cross-site",
    Origin: `http://${host}`,
  }),
  "Sec-Fetch-Site same-site and the Origin of PUBLIC_URL": () => ({
    "Sec-Fetch-Site": "same-site",
    Origin: PUBLIC_URL,
  }),
  // PUBLIC_URL is set, and nothing else is this service.
  "the Origin of the Host": (host) => ({ Origin: `http://${host}` }),
  "the Origin of another Host": () => ({
    Host: "portico.test:8080",
    Origin: "http://portico.test:8080",
  }),
  "a foreign Origin": () => ({ Origin: "https://evil.example" }),
  "Origin null": () => ({ Origin: "null" }),
  "an Origin that is no URL": () => ({ Origin: "evil" }),
  "the Origin of another port": (host) => ({ Origin: `http://${host.split(":")[0]}:1` }),
  "the Origin of the host without its port": (host) => ({ Origin: `http://${host.split(":")[0]}` }),
  "an Origin that begins with the Host": (host) => ({ Origin: `http://${host}.evil.example` }),
  "an Origin that ends with the Host": (host) => ({ Origin: `http://evil-${host}` }),
  "an Origin with the Host as its user": (host) => ({ Origin: `http://${host}@evil.example` }),
  "an Origin with the Host in its path": (host) => ({ Origin: `http://evil.example/${host}` }),
  "an Origin that begins with PUBLIC_URL": () => ({ Origin: `${PUBLIC_URL}.evil.example` }),
  "PUBLIC_URL over http": () => ({ Origin: "http://accounts.example" }),
  "PUBLIC_URL on another port": () => ({ Origin: `${PUBLIC_URL}:8443` }),
  "a subdomain of PUBLIC_URL": () => ({ Origin: "https://x.accounts.example" }),
};

type Call = (api: Api, headers: Headers) => Promise<Answer>;

/** Every request that changes something; each would succeed. */
function stateChanges(username: string, password: string): Readonly<Record<string, Call>> {
  const { signUp, signIn, signOut, nickname, avatar } = ENDPOINTS;
  const { endSession, endOthers, changePassword, deleteAccount } = ACCOUNT_ENDPOINTS;
  return {
    "sign-up": (api, headers) => api.post(signUp.path, { username: newName(), password }, headers),
    "sign-in": (api, headers) => api.post(signIn.path, { username, password }, headers),
    nickname: (api, headers) => api.post(nickname.path, { nickname: "changed" }, headers),
    avatar: (api, headers) => api.send("POST", avatar.path, { headers, body: avatarForm(RED_PNG) }),
    "end of a session": (api, headers) => {
      const id = handleOf(api.cookie?.slice("sessionID=".length) ?? "");
      return api.post(endSession.path, { id }, headers);
    },
    "end of other sessions": (api, headers) => api.post(endOthers.path, {}, headers),
    "change of password": (api, headers) =>
      api.post(changePassword.path, { oldPassword: password, newPassword: "changed" }, headers),
    deletion: (api, headers) => api.post(deleteAccount.path, { password }, headers),
    "sign-out by GET": (api, headers) => api.send("GET", signOut.path, { headers }),
    "sign-out by POST": (api, headers) => api.send("POST", signOut.path, { headers }),
  };
}

const rows = (table: typeof OWN) => Object.entries(table);

describeHttp("requests from other sites", (pair) => {
  const shared = sharedStack(pair, { PUBLIC_URL });
  const host = () => new URL(shared.stack.url).host;

  test.each(rows(OWN))("with %s are same-site and pass", async (_, headersFor) => {
    const headers = headersFor(host());
    const { username, password } = await newMember(shared.stack);
    for (const [name, call] of Object.entries(stateChanges(username, password))) {
      const { api } = await newMember(shared.stack);
      const answer = await call(api, headers);
      expect([name, answer.code]).toEqual([name, "7"]);
    }
  });

  test.each(rows(FOREIGN))("with %s are refused and change nothing", async (_, headersFor) => {
    const headers = headersFor(host());
    const { api, username, password } = await newMember(shared.stack);
    const before = profileOf(await api.userInfo());
    for (const [name, call] of Object.entries(stateChanges(username, password))) {
      const answer = await call(api, headers);
      expect([name, answer.code, answer.status]).toEqual([name, "6", 403]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(profileOf(await api.userInfo())).toEqual(before);
  });

  test.each(rows(FOREIGN))("with %s may read the user info", async (_, headersFor) => {
    const { api } = await newMember(shared.stack);
    const headers = headersFor(host());
    expect((await api.send("GET", ENDPOINTS.userInfo.path, { headers })).code).toBe("7");
  });

  test.each([
    ["no Host and Origin null", "1.0", "Origin: null\r\n"],
    ["no Host and an Origin without host", "1.0", "Origin: file:///x\r\n"],
    ["an empty Host and Origin null", "1.1", "Host:\r\nOrigin: null\r\n"],
    ["an empty Host and an Origin without host", "1.1", "Host:\r\nOrigin: file:///x\r\n"],
  ])("with %s match nothing and are refused", async (_, version, headers) => {
    const { api, sessionId } = await newMember(shared.stack);
    const request = `GET ${ENDPOINTS.signOut.path} HTTP/${version}\r\nConnection: close\r\n`;
    const cookie = `Cookie: sessionID=${sessionId}\r\n`;
    const { status } = await sendRaw(shared.stack.url, `${request}${cookie}${headers}\r\n`);
    expect(status).toBe(403);
    expect((await api.userInfo()).code).toBe("7");
  });

  describe("that are refused", () => {
    const headers = { "Sec-Fetch-Site": "cross-site" };

    test("save no picture", async () => {
      const { api } = await newMember(shared.stack);
      const own = await api.avatar(avatarForm(RED_PNG));
      expect(own.code).toBe("7");
      const folder = `${shared.stack.dataDir}/avatars`;
      const before = await readdir(folder);
      const body = avatarForm(RED_PNG);
      await api.send("POST", ENDPOINTS.avatar.path, { headers, body });
      expect(await readdir(folder)).toEqual(before);
    });

    test("make no user", async () => {
      const api = new Api(shared.stack.url);
      const [username, password] = [newName(), "hopper1906"];
      const refused = await api.post(ENDPOINTS.signUp.path, { username, password }, headers);
      expect(refused.status).toBe(403);
      expect((await api.signIn(username, password)).code).toBe("4");
    });

    test("are refused without a session as well as with one", async () => {
      const api = new Api(shared.stack.url);
      for (const method of ["GET", "POST"]) {
        const answer = await api.send(method, ENDPOINTS.signOut.path, { headers });
        expect([answer.code, answer.status]).toEqual(["6", 403]);
      }
    });
  });
});

describeHttp("requests without PUBLIC_URL", (pair) => {
  const shared = sharedStack(pair);
  const send = (api: Api, headers: Headers) =>
    api.post(ENDPOINTS.nickname.path, { nickname: "changed" }, headers);

  test.each<[string, (host: string) => Headers]>([
    ["the Origin of the Host", (host) => ({ Origin: `http://${host}` })],
    ["the Origin of the Host behind TLS", (host) => ({ Origin: `https://${host}` })],
    [
      "the Origin of another Host",
      () => ({ Host: "portico.test:8", Origin: "http://portico.test:8" }),
    ],
    ["a Host in capitals", () => ({ Host: "Portico.Test", Origin: "https://portico.test" })],
    ["a Host with the port of https", () => ({ Host: "a.test:443", Origin: "https://a.test" })],
    ["a Host with the port of http", () => ({ Host: "a.test:80", Origin: "http://a.test" })],
  ])("pass with %s", async (_, headersFor) => {
    const { api } = await newMember(shared.stack);
    const headers = headersFor(new URL(shared.stack.url).host);
    expect((await send(api, headers)).code).toBe("7");
    expect(await nicknameOf(api)).toBe("changed");
  });

  test.each<[string, Headers]>([
    ["another Origin", { Origin: PUBLIC_URL }],
    ["Origin null", { Origin: "null" }],
    ["the port of another scheme", { Host: "a.test:443", Origin: "http://a.test" }],
    [
      "where the tier listens, by another Host",
      { Host: "a.test", Origin: "http://127.0.0.1:9090" },
    ],
  ])("with %s are refused, with the reason", async (_, headers) => {
    const { api } = await newMember(shared.stack);
    const answer = await send(api, headers);
    expect(answer.status).toBe(403);
    expect(answer.headers.get("x-error-detail")).toContain("PUBLIC_URL");
    expect(await nicknameOf(api)).not.toBe("changed");
  });
});

test("without PUBLIC_URL, the log names the Origin once, and the variable to set", async () => {
  await using front = await startFront({});
  const api = new Api(front.url);
  const { path } = ENDPOINTS.signIn;
  const fields = { username: "grace", password: "hopper1906" };
  for (const Origin of ["null", "https://a.example", "https://a.example", "https://b.example"]) {
    expect((await api.post(path, fields, { Origin })).status).toBe(403);
  }
  // Browsers themselves say of these that they are of another site.
  await api.post(path, fields, { Origin: "https://c.example", "Sec-Fetch-Site": "cross-site" });
  const warnings = front.logTexts.filter((text) => text.includes('"level":"warn"'));
  expect(warnings).toEqual([expect.stringContaining('"origin":"https://a.example"')]);
  expect(warnings[0]).toContain("set PUBLIC_URL");
});
