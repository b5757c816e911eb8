import {
  type Credentials,
  GET_USER_INFO,
  profileOf,
  SESSION_COOKIE,
  SIGN_IN,
} from "../peers/api.ts";
import type { Session } from "./traffic.ts";

const PAUSE_MS = 25;
const TIMEOUT_MS = 10_000;

const SUCCESS = { errCode: "7", errMsg: "success" };

/** Throws if the answer is wrong; resolves to undefined if the server refused with 503. */
export type Ask = () => Promise<true | undefined>;

/** Counts answers that are compared in full. */
export class AnswerCount {
  checked = 0;
  wrong = 0;
  /** The first wrong answer, to be printed. */
  firstWrong: string | undefined;

  async add(ask: Ask): Promise<void> {
    try {
      if (await ask()) this.checked++;
    } catch (error) {
      this.checked++;
      this.wrong++;
      this.firstWrong ??= String(error);
    }
  }
}

/** Asks many times a second while a load runs. */
export class AnswerSampler extends AnswerCount {
  readonly #ask: Ask;
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(ask: Ask) {
    super();
    this.#ask = ask;
    this.#done = this.#sample();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #sample(): Promise<void> {
    while (!this.#isOver) {
      await this.add(this.#ask);
      await Bun.sleep(PAUSE_MS);
    }
  }
}

/** Ask for the profile of a different signed-in user each time. */
export function askForProfiles(origin: string, sessions: readonly Session[]): Ask {
  let next = 0;
  return async () => {
    const session = sessions[next++ % sessions.length];
    if (!session) throw new RangeError("Cannot ask for a profile: no session is open");
    const response = await fetch(origin + GET_USER_INFO, {
      headers: { Cookie: session.cookie },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await assertAnswer(response, profileOf(session.username));
    return true;
  };
}

/** Sign in as a different user each time. */
export function askForSessions(origin: string, next: () => Credentials): Ask {
  return async () => {
    const response = await fetch(origin + SIGN_IN, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(next()),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 503 && response.headers.has("Retry-After")) {
      await response.body?.cancel();
      return undefined;
    }
    const cookie = response.headers.getSetCookie()[0] ?? "";
    await assertAnswer(response, "");
    if (SESSION_COOKIE.test(cookie)) return true;
    throw new Error(`success with ${cookie || "no cookie"}`);
  };
}

async function assertAnswer(response: Response, data: unknown): Promise<void> {
  const text = await response.text();
  if (response.status === 200 && text === JSON.stringify({ ...SUCCESS, data })) return;
  throw new Error(`${response.status} ${text}`);
}
