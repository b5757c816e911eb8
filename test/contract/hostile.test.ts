import { expect, setDefaultTimeout, test } from "bun:test";
import { RawBrowser } from "../raw-browser.ts";
import { Api, ENDPOINTS, newMember, UNKNOWN_SESSION } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeHttp, sharedStack } from "./pairs.ts";
import { sendRaw } from "./raw-http.ts";

// Requests that are made to hurt.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const INVALID = '{"errCode":"6","errMsg":"InvalidParamsError","data":""}';

describeHttp("a hostile request", (pair) => {
  const shared = sharedStack(pair);

  test("with a text that would take minutes to normalise is refused at once", async () => {
    const api = new Api(shared.stack.url);
    const marks = (count: number) => `a${"\u0301".repeat(count)}${"\u0316".repeat(count)}`;
    const small = marks(14_000);
    expect((await api.signUp(small, "hopper1906")).status).toBe(400);
    expect((await api.signIn("grace", small)).status).toBe(400);
    expect((await api.nickname(small)).status).toBe(400);
    // Without a bound, this one would take about an hour.
    const { api: member } = await newMember(shared.stack);
    const form = avatarForm(pngOf(2, 2, [1, 2, 3]));
    form.set("username", marks(400_000));
    expect((await member.avatar(form)).status).toBe(400);
  });

  test.each([
    ["no Host", "GET /nope HTTP/1.0\r\n", 404],
    ["an empty Host", "GET /nope HTTP/1.1\r\nHost:\r\nConnection: close\r\n", 404],
    ["a Host that is none", "GET /nope HTTP/1.1\r\nHost: [\r\nConnection: close\r\n", 404],
    ["no Host and a wrong method", "POST /signIn.html HTTP/1.0\r\nContent-Length: 0\r\n", 405],
  ])("with %s gets the same answer as with one", async (_what, head, status) => {
    const answer = await sendRaw(shared.stack.url, `${head}\r\n`);
    expect([answer.status, answer.body]).toEqual([status, INVALID]);
  });

  test.each([
    ["a length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked"],
    ["two lengths", "Content-Length: 2\r\nContent-Length: 40"],
    ["an unknown transfer encoding", "Content-Length: 2\r\nTransfer-Encoding: xchunked"],
    ["a control character in a header", "Content-Length: 2\r\nUser-Agent: a\x1b[31m"],
  ])(
    "with %s is refused, and its connection is closed: nothing is smuggled",
    async (_, headers) => {
      const begin = "POST /api/entrytask/user/signin HTTP/1.1\r\nHost: a\r\n";
      const hidden = "GET /signIn.html HTTP/1.1\r\nHost: a\r\n\r\n";
      const request = `${begin}Content-Type: application/json\r\n${headers}\r\n\r\n{}${hidden}`;
      const answer = await sendRaw(shared.stack.url, request);
      expect([answer.status, answer.body]).toEqual([400, ""]);
    },
  );

  test.each(["TRACE", "OPTIONS", "CONNECT", "PROPFIND"])(
    "by %s is refused, and its headers are not sent back",
    async (method) => {
      const path = ENDPOINTS.userInfo.path;
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n`;
      const headers = "Origin: https://evil.example\r\nCookie: sessionID=x\r\n";
      const answer = await sendRaw(shared.stack.url, `${head}${headers}\r\n`);
      expect([answer.status, answer.body]).toEqual([405, INVALID]);
      expect(answer.head).not.toMatch(/sessionID|evil|Access-Control/i);
    },
  );

  test("with a nameless cookie before the session cookie finds the session", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    for (const other of ["sessionIDx", "sessionI", "=x", ""]) {
      expect((await api.withCookie(`${other}; sessionID=${sessionId}`).userInfo()).code).toBe("7");
    }
  });
});

describeHttp("uploads in flight", (pair) => {
  const shared = sharedStack(pair);
  const form = () => avatarForm(pngOf(2, 2, [1, 2, 3]));

  test("without a session are answered before their body, and block no other upload", async () => {
    const { api } = await newMember(shared.stack);
    const cookies = ["", `Cookie: sessionID=${UNKNOWN_SESSION}\r\n`, "Cookie: sessionID=x\r\n"];
    const strangers = await Promise.all(
      Array.from({ length: 90 }, (_, index) => beginUpload(shared.stack.url, cookies[index % 3])),
    );
    for (const stranger of strangers) expect((await stranger.answer()).status).toBe(401);
    expect((await api.avatar(form())).code).toBe("7");
    // The rest of the body is skipped, and the connection can be used again.
    const [first] = strangers;
    first?.send("x".repeat(5000 - BEGUN.length));
    expect((await first?.get("/signIn.html"))?.status).toBe(200);
    for (const stranger of strangers) stranger.leave();
  });

  test("are limited to two per session; a third gets Retry-After", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    const other = await newMember(shared.stack);
    const cookie = `Cookie: sessionID=${sessionId}\r\n`;
    const begun = [
      await beginUpload(shared.stack.url, cookie),
      await beginUpload(shared.stack.url, cookie),
    ];
    await eventually(async () => (await api.avatar(form())).status === 503);
    const refused = await api.avatar(form());
    expect(refused.code).toBe("0");
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect((await other.api.avatar(form())).code).toBe("7");
    begun[0]?.leave();
    await eventually(async () => (await api.avatar(form())).code === "7");
    begun[1]?.leave();
  });
});

const BEGUN = "--x\r\n";

/** An upload whose body has begun and does not come to its end. */
async function beginUpload(url: string, headers = ""): Promise<RawBrowser> {
  const browser = await RawBrowser.connect(url);
  browser.send(
    `POST ${ENDPOINTS.avatar.path} HTTP/1.1\r\nHost: portico\r\nContent-Length: 5000\r\n` +
      `Content-Type: multipart/form-data; boundary=x\r\n${headers}\r\n${BEGUN}`,
  );
  return browser;
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`Cannot see it happen: ${isSo}`);
    await Bun.sleep(50);
  }
}
