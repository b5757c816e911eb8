import { type Answer, Api, sessionIdOf } from "../contract/client.ts";
import { Questions } from "./questions.ts";

const ACCOUNTS = 3;
const BROWSERS = 3;
/** Then the next user: each browser has a few wrong passwords before it is throttled. */
const CHANGES_OF_USER = 6;
const SLOWEST_SIGN_IN_PAUSE_MS = 10;
const CHANGE_PASSWORD = "/api/entrytask/user/change_password";

interface Session {
  readonly api: Api;
  /** The number of the password that it was opened with. */
  readonly version: number;
}

/** A user whose password changes. */
class Account {
  readonly username: string;
  /** The number of the newest password that is known to be the user's. */
  version = 0;
  isLeft = false;
  /** All that any sign-in or change of the password returned. */
  readonly sessions: Session[] = [];

  constructor(username: string) {
    this.username = username;
  }

  passwordOf(version: number): string {
    return `pass${version}`;
  }
}

/**
 * Browsers that sign in without a pause while the password changes. Once a change is answered with
 * "7", no session that was opened with an older password may live: every id that was ever returned
 * is tried.
 */
export class PasswordLoad {
  readonly questions = new Questions();
  readonly counts = { users: 0, signIns: 0, changes: 0, late: 0, ended: 0, tried: 0 };
  readonly accounts: Account[] = [];
  readonly #api: Api;
  readonly #random: () => number;

  constructor(url: string, random: () => number) {
    this.#api = new Api(url);
    this.#random = random;
  }

  /** Run until `stop`; resolves once every request is answered. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: ACCOUNTS }, () => this.#keepGoing()));
  }

  /** Try each session of an old password once more. */
  async finish(): Promise<void> {
    for (const account of this.accounts) await this.#tryOld(account, account.sessions);
  }

  async #keepGoing(): Promise<void> {
    while (!this.questions.isOver) {
      const account = new Account(`changing${this.counts.users++}`);
      const { username } = account;
      const signUp = () => this.#api.signUp(username, account.passwordOf(0));
      if (!(await this.questions.ask(signUp))) continue;
      this.accounts.push(account);
      const browsers = Array.from({ length: BROWSERS }, () => this.#keepSigningIn(account));
      await Promise.all([this.#keepChanging(account), ...browsers]);
      // No change is in progress: this is the last word about its sessions.
      await this.#tryOld(account, account.sessions);
    }
  }

  async #keepSigningIn(account: Account): Promise<void> {
    let device: string | undefined;
    while (!account.isLeft && !this.questions.isOver) {
      const { version } = account;
      const answer = await this.#signIn(account, version, device);
      device ??= deviceOf(answer);
      await Bun.sleep(this.#random() * SLOWEST_SIGN_IN_PAUSE_MS);
    }
  }

  /** @param device a cookie; with it, a browser's wrong passwords are counted apart */
  async #signIn(account: Account, version: number, device?: string): Promise<Answer | undefined> {
    const { username } = account;
    const api = device === undefined ? this.#api : this.#api.withCookie(device);
    const signIn = () => api.signIn(username, account.passwordOf(version));
    const answer = await this.questions.ask(signIn, "5");
    if (answer?.code === "7") {
      this.counts.signIns++;
      const session = { api: this.#api.withSession(sessionIdOf(answer)), version };
      account.sessions.push(session);
      if (version < account.version) {
        this.counts.late++;
        await this.#tryOld(account, [session]);
      }
    }
    return answer;
  }

  async #keepChanging(account: Account): Promise<void> {
    let device: string | undefined;
    for (let change = 0; change < CHANGES_OF_USER && !this.questions.isOver; ) {
      const answer = await this.#signIn(account, account.version, device);
      device ??= deviceOf(answer);
      if (answer?.code !== "7") continue;
      if (!(await this.#change(account, this.#api.withSession(sessionIdOf(answer))))) break;
      change++;
    }
    account.isLeft = true;
  }

  /** @returns false if the outcome is unknown */
  async #change(account: Account, api: Api): Promise<boolean> {
    const to = account.version + 1;
    const passwords = {
      oldPassword: account.passwordOf(account.version),
      newPassword: account.passwordOf(to),
    };
    const answer = await this.questions.ask(() => api.post(CHANGE_PASSWORD, passwords), "2");
    // If its session is gone with Redis, that may also have happened after the change.
    if (answer?.code !== "7") return false;
    account.version = to;
    this.counts.changes++;
    const session = { api: this.#api.withSession(sessionIdOf(answer)), version: to };
    account.sessions.push(session);
    await this.#tryOld(account, account.sessions);
    return true;
  }

  /** Try all of these that were opened with an older password than the one that is known. */
  async #tryOld({ username, version }: Account, sessions: readonly Session[]): Promise<void> {
    const old = sessions.filter((session) => session.version < version);
    await Promise.all(
      old.map(async (session) => {
        // While a server is away, ask again.
        for (let answer: Answer | undefined; !answer && this.questions.findings.length === 0; ) {
          answer = await this.questions.ask(() => session.api.userInfo(), "2");
          if (answer?.code === "7") {
            const what = `a session of its password ${session.version} lives`;
            this.questions.find(`${username}: ${what}, after ${version} was acknowledged`);
          }
          if (answer?.code === "2") this.counts.ended++;
        }
        this.counts.tried++;
      }),
    );
  }
}

function deviceOf(answer: Answer | undefined): string | undefined {
  const cookies = answer?.headers.getSetCookie() ?? [];
  return cookies.find((cookie) => cookie.startsWith("deviceID="))?.split(";")[0];
}
