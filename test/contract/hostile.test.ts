import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { Api, ENDPOINTS, newMember } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describePairs, sharedStack } from "./pairs.ts";
import { sendRaw } from "./raw-http.ts";

// Requests that are made to hurt.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const MAX_UPLOADS = 64;
const INVALID = '{"errCode":"6","errMsg":"InvalidParamsError","data":""}';

describePairs("a request that is made to hurt", (pair) => {
  const shared = sharedStack(pair);

  test("with a text whose normalisation would take minutes is refused at once", async () => {
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
  ])("with %s gets the answer that it would get with one", async (_what, head, status) => {
    const answer = await sendRaw(shared.stack.url, `${head}\r\n`);
    expect([answer.status, answer.body]).toEqual([status, INVALID]);
  });

  test("with a nameless cookie before the session's is known all the same", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    for (const other of ["sessionIDx", "sessionI", "=x", ""]) {
      expect((await api.withCookie(`${other}; sessionID=${sessionId}`).userInfo()).code).toBe("7");
    }
  });
});

describe("uploads under way", () => {
  describePairs("of whole bodies", (pair) => {
    const shared = sharedStack(pair);

    test("are limited: one more is asked to come again, and can when another ends", async () => {
      const { api } = await newMember(shared.stack);
      const form = () => avatarForm(pngOf(2, 2, [1, 2, 3]));
      const halves = await Promise.all(
        Array.from({ length: MAX_UPLOADS }, () => startUpload(shared.stack.url)),
      );
      await eventually(async () => (await api.avatar(form())).status === 503);
      for (const half of halves) half.destroy();
      await eventually(async () => (await api.avatar(form())).code === "7");
    });
  });
});

/** An upload whose body never comes to its end. */
function startUpload(url: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST ${ENDPOINTS.avatar.path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5000\r\n` +
          "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
        () => resolve(socket),
      );
    });
    socket.on("error", reject);
  });
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`Cannot see it happen: ${isSo}`);
    await Bun.sleep(50);
  }
}
