import { type Answer, Api, profileOf, sessionIdOf } from "../contract/client.ts";
import { Account, type Session } from "./account.ts";
import type { Outcome } from "./register.ts";

const PASSWORD = "hopper1906";
/** Users that are worked on at the same time. */
export const GROUPS = 4;
/** Writers of one user at most. With one, every read can be judged; with two, writes overlap. */
const MOST_WRITERS = 2;
const READERS = 4;
const SLOWEST_READ_PAUSE_MS = 5;
const SLOWEST_WRITE_PAUSE_MS = 80;
const SIGN_IN_PAUSE_MS = 25;
const RETURN_PAUSE_MS = 5;
/** The share of returning visitors that write. */
const RETURNING_WRITES = 0.02;
/** Pause after an answer that says that a server is away. */
const TROUBLE_PAUSE_MS = 20;
/** How long a group stays with a user after a write of unknown outcome. */
const STAY_MS = 300;
/** The share of users that get no more writes after a write of unknown outcome. */
const LEFT_ALONE = 0.75;
const MAX_FINDINGS = 5;
/** The answers that a correct call may get while a server is away. */
const TROUBLE: readonly string[] = ["0", "1"];

export interface Finding {
  readonly what: string;
  readonly username: string;
  readonly history: readonly string[];
}

/**
 * Browsers that write, read and sign in without a pause. Each answer is compared with what was
 * acknowledged before its request. A write of unknown outcome closes the cache of its user for a
 * minute; the group then moves on to a new user, and only a visitor returns now and then.
 */
export class CacheLoad {
  readonly counts = { reads: 0, acknowledged: 0, unknown: 0, refused: 0, signIns: 0 };
  /** The number of each answer, as in `{"7 200": 512}`. */
  readonly answers: Record<string, number> = {};
  readonly findings: Finding[] = [];
  readonly accounts: Account[] = [];
  readonly #api: Api;
  readonly #losses: () => number;
  readonly #random: () => number;
  #isOver = false;
  #names = 0;

  /** @param losses as `Site.losses`: equal before and after a call if Redis has lost nothing */
  constructor(url: string, losses: () => number, random: () => number) {
    this.#api = new Api(url);
    this.#losses = losses;
    this.#random = random;
  }

  /** Run until `stop`; resolves once every request is answered. */
  async run(): Promise<void> {
    const groups = Array.from({ length: GROUPS }, () => this.#gather());
    await Promise.all([...groups, this.#return()]);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  stop(): void {
    this.#isOver = true;
  }

  find(what: string, { username, nickname }: Account): void {
    if (this.findings.length === MAX_FINDINGS) return;
    this.findings.push({ what, username, history: [...nickname.history] });
  }

  /** A group that works on one user after the other. */
  async #gather(): Promise<void> {
    while (!this.#isOver) {
      const account = await this.#join();
      if (!account) continue;
      const isLeft = () => this.#isOver || account.isLeft;
      const isOver = () => isLeft() || account.isAlone;
      const work = [this.#keepSigningIn(account, isOver)];
      const writers = Math.ceil(this.#random() * MOST_WRITERS);
      for (let i = 0; i < writers; i++) work.push(this.#keepWriting(account, isOver));
      for (let i = 0; i < READERS; i++) work.push(this.#keepReading(account, isLeft));
      await Promise.all(work);
      account.hasGroup = false;
    }
  }

  async #join(): Promise<Account | undefined> {
    const username = `cache${this.#names++}`;
    const account = new Account(username, this.#random() < LEFT_ALONE);
    const answer = await this.#ask(account, () => this.#api.signUp(username, PASSWORD));
    if (answer?.code !== "7") {
      await Bun.sleep(TROUBLE_PAUSE_MS);
      return undefined;
    }
    this.accounts.push(account);
    return account;
  }

  async #keepReading(account: Account, isLeft: () => boolean): Promise<void> {
    let session: Session | undefined;
    while (!isLeft()) {
      session ??= await this.#signIn(account);
      if (session && !(await this.#read(account, session))) session = undefined;
      await Bun.sleep(this.#random() * SLOWEST_READ_PAUSE_MS);
    }
  }

  async #keepWriting(account: Account, isOver: () => boolean): Promise<void> {
    let session: Session | undefined;
    while (!isOver()) {
      session ??= await this.#signIn(account);
      if (session && !(await this.#write(account, session))) session = undefined;
      await Bun.sleep(this.#random() * SLOWEST_WRITE_PAUSE_MS);
    }
  }

  async #keepSigningIn(account: Account, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      account.session = await this.#signIn(account);
      await Bun.sleep(SIGN_IN_PAUSE_MS);
    }
  }

  /** A visitor that reads earlier users, and sometimes writes. */
  async #return(): Promise<void> {
    while (!this.#isOver) {
      const account = this.accounts[Math.floor(this.#random() * this.accounts.length)];
      if (account) await this.#visit(account);
      await Bun.sleep(RETURN_PAUSE_MS);
    }
  }

  async #visit(account: Account): Promise<void> {
    if (!account.isAlone) account.session ??= await this.#signIn(account);
    const { session } = account;
    if (!session) return;
    const isWrite = !account.isAlone && this.#random() < RETURNING_WRITES;
    const isGood = await (isWrite ? this.#write(account, session) : this.#read(account, session));
    if (!isGood) account.session = undefined;
  }

  async #signIn(account: Account): Promise<Session | undefined> {
    const losses = this.#losses();
    const answer = await this.#ask(account, () => this.#api.signIn(account.username, PASSWORD));
    if (answer?.code !== "7") {
      await Bun.sleep(TROUBLE_PAUSE_MS);
      return undefined;
    }
    this.counts.signIns++;
    return { api: this.#api.withSession(sessionIdOf(answer)), losses };
  }

  /** @returns whether the session is still good */
  async #read(account: Account, session: Session): Promise<boolean> {
    const end = account.nickname.beginRead();
    const answer = await this.#ask(account, () => session.api.userInfo(), "2");
    if (answer?.code === "7") {
      this.counts.reads++;
      const profile = profileOf(answer);
      const wrong =
        profile.username === account.username
          ? end(profile.nickname)
          : `${profile.username} is shown to another`;
      if (wrong !== undefined) this.find(wrong, account);
    }
    return this.#isGood(account, session, answer);
  }

  /** @returns whether the session is still good */
  async #write(account: Account, session: Session): Promise<boolean> {
    const value = account.nextNickname();
    const end = account.nickname.beginWrite(value);
    account.writesInFlight++;
    const answer = await this.#ask(account, () => session.api.nickname(value), "2");
    account.writesInFlight--;
    const outcome = outcomeOf(answer);
    end(outcome);
    this.counts[outcome]++;
    if (outcome === "unknown") account.leaveIn(STAY_MS);
    return this.#isGood(account, session, answer);
  }

  async #isGood(account: Account, session: Session, answer: Answer | undefined): Promise<boolean> {
    if (!answer || TROUBLE.includes(answer.code)) await Bun.sleep(TROUBLE_PAUSE_MS);
    if (answer?.code !== "2") return true;
    if (session.losses === this.#losses()) this.find("an acknowledged session is lost", account);
    return false;
  }

  /** The answer, if a correct call may get it. */
  async #ask(
    account: Account,
    ask: () => Promise<Answer>,
    ...expected: readonly string[]
  ): Promise<Answer | undefined> {
    try {
      const answer = await ask();
      const key = `${answer.code} ${answer.status}`;
      this.answers[key] = (this.answers[key] ?? 0) + 1;
      const isRight = ["7", ...TROUBLE, ...expected].includes(answer.code);
      if (!isRight) this.find(`a right call is answered with ${key}`, account);
      return answer;
    } catch (error) {
      this.find(`an answer is not of the table: ${error}`, account);
      return undefined;
    }
  }
}

function outcomeOf(answer: Answer | undefined): Outcome {
  if (answer?.code === "7") return "acknowledged";
  return answer?.code === "2" ? "refused" : "unknown";
}
