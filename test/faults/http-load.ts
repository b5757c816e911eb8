import { type Answer, Api, newName, sessionIdOf } from "../contract/client.ts";

const PASSWORD = "hopper1906";
const PAUSE_MS = 2;

export interface Answered {
  /** Whether it may be retried. */
  readonly isRead: boolean;
  readonly code: string;
  readonly status: number;
  /** On the clock of `performance.now()`. */
  readonly askedAt: number;
  readonly tookMs: number;
}

/**
 * Browsers of one signed-in user that call without a pause. Each answer is checked against the
 * error table when it comes; a missing one, or one that is not in the table, fails `stop`.
 */
export class HttpLoad {
  readonly answers: Answered[] = [];
  readonly #work: Promise<unknown>;
  readonly #failed = Promise.withResolvers<never>();
  #isOver = false;

  private constructor(api: Api, username: string, workers: number) {
    const work = Array.from({ length: workers }, (_, index) => this.#ask(api, username, index));
    this.#work = Promise.all(work);
    this.#work.catch((error: unknown) => this.#failed.reject(error));
    // A waiting test gets the error at once; otherwise `stop` reports it.
    this.#failed.promise.catch(() => undefined);
  }

  /** Sign a user up and in, then start. */
  static async start(url: string, workers: number): Promise<HttpLoad> {
    const api = new Api(url);
    const username = newName();
    await api.signUp(username, PASSWORD);
    const sessionId = sessionIdOf(await api.signIn(username, PASSWORD));
    return new HttpLoad(api.withSession(sessionId), username, workers);
  }

  /** Wait for `count` more answers for which `isWanted` holds. */
  async more(count: number, isWanted: (answer: Answered) => boolean = () => true): Promise<void> {
    const from = this.answers.length;
    const wait = async () => {
      while (this.answers.slice(from).filter(isWanted).length < count) await Bun.sleep(20);
    };
    await Promise.race([wait(), this.#failed.promise]);
  }

  /** Send no more requests, and wait for the last answers. */
  async stop(): Promise<readonly Answered[]> {
    this.#isOver = true;
    await this.#work;
    return this.answers;
  }

  async #ask(api: Api, username: string, worker: number): Promise<void> {
    for (let turn = worker; !this.#isOver; turn++) {
      const askedAt = performance.now();
      const isRead = turn % 8 !== 0;
      const { code, status } = await this.#one(api, username, turn);
      this.answers.push({ isRead, code, status, askedAt, tookMs: performance.now() - askedAt });
      await Bun.sleep(PAUSE_MS);
    }
  }

  #one(api: Api, username: string, turn: number): Promise<Answer> {
    if (turn % 8 !== 0) return api.userInfo();
    const write = (turn / 8) % 3;
    if (write === 0) return api.signUp(newName(), PASSWORD);
    // Without the cookie: a sign-in ends the session that it brings.
    if (write === 1) return new Api(api.url).signIn(username, PASSWORD);
    return api.nickname(`nick${turn % 1000}`);
  }
}

/** The number of each answer, as in `{"7 200": 512}`. */
export function tally(answers: readonly Answered[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code, status } of answers) {
    const key = `${code} ${status}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
