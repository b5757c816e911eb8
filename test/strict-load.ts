// Browsers that accept no failed request. They do not try again, as `fetch` does behind its caller.

import { newName } from "./contract/client.ts";
import { RawBrowser, type WholeAnswer } from "./raw-browser.ts";

const USER = "/api/entrytask/user";
const PASSWORD = "hopper1906";
const CLOSES = /^connection: close\r?$/im;

export interface StrictLoadOptions {
  readonly browsers: number;
  /** Of each browser, between an answer and its next request. */
  readonly pauseMs: number;
}

/**
 * Each browser has one connection, which it keeps for as long as the proxy does, and an account.
 * Two thirds of its requests read, the others sign up another user, change the nickname and sign
 * in. A sign-up that the proxy sent twice fails, because the name is taken then.
 */
export class StrictLoad {
  answered = 0;
  /** What was wrong with each request that failed. */
  readonly failures: string[] = [];
  readonly #url: string;
  readonly #pauseMs: number;
  readonly #work: Promise<unknown>;
  #isOver = false;

  constructor(url: string, { browsers, pauseMs }: StrictLoadOptions) {
    this.#url = url;
    this.#pauseMs = pauseMs;
    this.#work = Promise.all(Array.from({ length: browsers }, () => this.#browse()));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #browse(): Promise<void> {
    const username = newName();
    const credentials = JSON.stringify({ username, password: PASSWORD });
    let browser: RawBrowser | undefined;
    let session = "";
    const post = (path: string, body: string): string =>
      `POST ${USER}/${path} HTTP/1.1\r\nHost: here\r\n${session}` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const send = async (request: string): Promise<WholeAnswer | undefined> => {
      const [what = ""] = request.split(" HTTP/", 1);
      try {
        if (!browser || browser.isClosed) browser = await RawBrowser.connect(this.#url);
        browser.send(request);
        const answer = await browser.answer();
        this.answered++;
        if (answer.status !== 200 || !answer.body.includes('"errCode":"7"'))
          this.failures.push(`${what}: ${answer.status} ${answer.body.slice(0, 200)}`);
        if (CLOSES.test(answer.head)) {
          browser.leave();
          browser = undefined;
        }
        return answer;
      } catch (error) {
        browser?.leave();
        browser = undefined;
        this.failures.push(`${what}: ${error}`);
        return undefined;
      }
    };
    const signIn = async (): Promise<void> => {
      session = "";
      const answer = await send(post("signin", credentials));
      const cookie = /^set-cookie: (sessionID=[^;]*)/im.exec(answer?.head ?? "")?.[1] ?? "";
      session = `Cookie: ${cookie}\r\n`;
      // Without a session, the next requests would fail too.
      if (cookie === "" && !this.#isOver) await signIn();
    };
    await send(post("signup", credentials));
    await signIn();
    for (let turn = 0; !this.#isOver; turn++) {
      if (turn % 9 === 2)
        await send(post("signup", JSON.stringify({ username: newName(), password: PASSWORD })));
      else if (turn % 9 === 5) await send(post("update_nickname", `{"nickname":"nick${turn}"}`));
      else if (turn % 9 === 8) await signIn();
      else await send(`GET ${USER}/get_user_info HTTP/1.1\r\nHost: here\r\n${session}\r\n`);
      if (this.#pauseMs > 0) await Bun.sleep(this.#pauseMs);
    }
    browser?.leave();
  }
}
