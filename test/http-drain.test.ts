import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { UserService } from "../src/gen/user.ts";
import { eventually } from "../src/rpc/testing/stack.ts";
import { Folder, startHttp, startTcp } from "./child.ts";
import { freeze } from "./freeze.ts";
import { COOKIE, Hold, startFront } from "./http-front.ts";
import { CutOff, RawBrowser } from "./raw-browser.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// How the HTTP tier ends: what it was asked is answered whole, and nobody waits for the rest.

const USER_INFO = "/api/entrytask/user/get_user_info";
const WITH_SESSION = `Cookie: ${COOKIE}\r\n`;
/** Longer than any test, so that what ends sooner did not wait for it. */
const LONG_MS = 120_000;
const CLOSES = /^connection: close\r?$/im;

const SIGN_UP_BODY = JSON.stringify({ username: "grace", password: "hopper1906" });
const SIGN_UP =
  "POST /api/entrytask/user/signup HTTP/1.1\r\nHost: portico\r\n" +
  `Content-Type: application/json\r\nContent-Length: ${SIGN_UP_BODY.length}\r\n\r\n`;

const slowUserInfo = (hold: Hold): Partial<UserService> => ({
  async getUserInfo(_, context) {
    await hold.wait(context);
    return { username: "grace", nickname: "grace", profilePath: "a.webp" };
  },
});

/** Resolves once nobody listens there any more. */
async function refuses(url: string): Promise<void> {
  const connects = () =>
    RawBrowser.connect(url).then(
      (browser) => {
        browser.leave();
        return true;
      },
      () => false,
    );
  while (await connects()) await Bun.sleep(5);
}

describe("an HTTP tier that closes", () => {
  test("finishes the request in flight, and closes idle connections at once", async () => {
    const hold = new Hold();
    await using front = await startFront(slowUserInfo(hold));
    using idle = await RawBrowser.connect(front.url);
    expect((await idle.get("/signIn.html")).head).not.toMatch(CLOSES);
    using busy = await RawBrowser.connect(front.url);
    const answer = busy.get(USER_INFO, WITH_SESSION);
    await hold.begun;

    const closed = front.http.close(LONG_MS);
    await idle.closed;
    await refuses(front.url);
    expect(busy.isClosed).toBeFalse();
    hold.end();
    const { status, head, body } = await answer;
    expect(status).toBe(200);
    expect(head).toMatch(CLOSES);
    expect(JSON.parse(body)).toMatchObject({ errCode: "7" });
    await busy.closed;
    await closed;
  });

  test("answers a request that crosses the close with Connection: close", async () => {
    await using front = await startFront({});
    using browser = await RawBrowser.connect(front.url);
    await browser.get("/signIn.html");
    // It is on its way: this process has not come round to reading it.
    const answer = browser.get(USER_INFO, WITH_SESSION);
    const closed = front.http.close(LONG_MS);
    const { status, head } = await answer;
    expect(status).toBe(200);
    expect(head).toMatch(CLOSES);
    await browser.closed;
    await closed;
  });

  test("waits for the rest of an incomplete request", async () => {
    await using front = await startFront({});
    using slow = await RawBrowser.connect(front.url);
    slow.send(SIGN_UP + SIGN_UP_BODY.slice(0, 10));
    using idle = await RawBrowser.connect(front.url);
    await idle.get("/signIn.html");
    const closed = front.http.close(LONG_MS);
    await idle.closed;
    slow.send(SIGN_UP_BODY.slice(10));
    expect(await slow.answer()).toMatchObject({ status: 200 });
    await closed;
  });

  test("does not wait longer than its grace for requests that never end", async () => {
    const hold = new Hold();
    await using front = await startFront(slowUserInfo(hold));
    using halfHead = await RawBrowser.connect(front.url);
    halfHead.send("GET /signIn.html HTTP/1.1\r\nHost:");
    using halfBody = await RawBrowser.connect(front.url);
    halfBody.send(SIGN_UP + SIGN_UP_BODY.slice(0, 10));
    using stuck = await RawBrowser.connect(front.url);
    const answer = stuck.get(USER_INFO, WITH_SESSION);
    await hold.begun;
    await front.http.close(300);
    await Promise.all([halfHead.closed, halfBody.closed, stuck.closed]);
    await expect(answer).rejects.toThrow(CutOff);
  });

  test("waits for handlers whose browser has gone, which may have a file to remove", async () => {
    const hold = new Hold();
    await using front = await startFront({
      async signOut(_, context) {
        await hold.wait(context);
        return {};
      },
    });
    using browser = await RawBrowser.connect(front.url);
    browser.send(`GET /api/entrytask/user/signout HTTP/1.1\r\nHost: a\r\n${WITH_SESSION}\r\n`);
    await hold.begun;
    browser.leave();
    let isClosed = false;
    const closed = front.http.close(LONG_MS).then(() => {
      isClosed = true;
    });
    await eventually(() => browser.isClosed);
    await Bun.sleep(400); // By then it would be closed if it did not wait.
    expect(isClosed).toBeFalse();
    hold.end();
    await closed;
  });

  test("closes once if it is called several times", async () => {
    const hold = new Hold();
    await using front = await startFront(slowUserInfo(hold));
    using browser = await RawBrowser.connect(front.url);
    const answer = browser.get(USER_INFO, WITH_SESSION);
    await hold.begun;
    const closed = front.http.close(LONG_MS);
    const again = front.http.close(0);
    await Bun.sleep(100); // By then the second would have closed it by force.
    expect(browser.isClosed).toBeFalse();
    hold.end();
    expect((await answer).status).toBe(200);
    await Promise.all([closed, again]);
  });
});

/** What became of a connection on which one request followed the other until it was closed. */
interface Course {
  /** Whether the last answer said that there will be no other. */
  readonly isTold: boolean;
  /** Bytes of an answer that was cut off. */
  readonly strayBytes: number;
}

async function goOnAsking(url: string, onAnswer: () => void): Promise<Course> {
  using browser = await RawBrowser.connect(url);
  try {
    for (;;) {
      const { status, head } = await browser.get(USER_INFO, WITH_SESSION);
      expect(status).toBe(401);
      onAnswer();
      if (!CLOSES.test(head)) continue;
      await browser.closed;
      return { isTold: true, strayBytes: 0 };
    }
  } catch (error) {
    if (error instanceof CutOff) return { isTold: false, strayBytes: error.bytes };
    throw error;
  }
}

describe("SIGTERM to the HTTP tier's process", () => {
  test("under load answers every request that was read", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path);
    const debug = { LOG_LEVEL: "debug" };
    await using http = startHttp(folder.path, await tcp.listening(), debug);
    const url = await http.listening();
    let answers = 0;
    const count = () => {
      answers++;
    };
    const courses = Promise.all(Array.from({ length: 100 }, () => goOnAsking(url, count)));
    await eventually(() => answers > 1000, 30_000);
    http.kill("SIGTERM");
    const ended = await courses;
    expect(await http.exited()).toBe(0);
    // It writes a line for every request that it has read.
    expect(http.output.match(/GET \/api\S+ 401/g)).toHaveLength(answers);
    expect(ended.filter(({ strayBytes }) => strayBytes > 0)).toEqual([]);
    // A request that comes after the last look is reset; it takes a stall for that to be many.
    expect(ended.filter(({ isTold }) => isTold).length).toBeGreaterThan(ended.length / 2);
  });

  test("twice finishes requests, refuses new ones, closes idle connections, and exits with 0", async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path);
    await using http = startHttp(folder.path, await tcp.listening());
    const url = await http.listening();
    using idle = await RawBrowser.connect(url);
    await idle.get("/signIn.html");
    await freeze(tcp.pid);
    using busy = await RawBrowser.connect(url);
    busy.send(SIGN_UP + SIGN_UP_BODY);
    const answer = busy.answer();
    http.kill("SIGTERM");
    await idle.closed; // Though another answer cannot be given yet.
    http.kill("SIGTERM");
    await refuses(url);
    tcp.kill("SIGCONT");
    const { status, head, body } = await answer;
    expect(status).toBe(200);
    expect(head).toMatch(CLOSES);
    expect(JSON.parse(body)).toMatchObject({ errCode: "7" });
    expect(await http.exited()).toBe(0);
    expect(http.output.match(/"closing"/g)).toHaveLength(1);
  });
});
