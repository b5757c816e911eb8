import type { Api } from "../contract/client.ts";
import { Register } from "./register.ts";

const FIRST_NICKNAME_CODE_POINTS = 8;
const NEVER = Number.POSITIVE_INFINITY;

export interface Session {
  readonly api: Api;
  /** How often Redis had lost everything when the sign-in began. */
  readonly losses: number;
}

/** A user of the checker, whom a group of browsers stays with for a while. */
export class Account {
  readonly username: string;
  readonly nickname: Register;
  /** The last, for those who return. */
  session: Session | undefined;
  hasGroup = true;
  writesInFlight = 0;
  readonly #mayBeAlone: boolean;
  #writes = 0;
  #leftAt = NEVER;

  /** @param mayBeAlone whether nobody writes after a write of unknown outcome */
  constructor(username: string, mayBeAlone: boolean) {
    this.username = username;
    this.nickname = new Register(
      Array.from(username).slice(0, FIRST_NICKNAME_CODE_POINTS).join(""),
    );
    this.#mayBeAlone = mayBeAlone;
  }

  /** A nickname that this user never had. */
  nextNickname(): string {
    return String(++this.#writes);
  }

  /** The group is to go on to another, soon: nothing of this user is cached for a minute now. */
  leaveIn(ms: number): void {
    this.#leftAt = Math.min(this.#leftAt, performance.now() + ms);
  }

  get isLeft(): boolean {
    return performance.now() > this.#leftAt;
  }

  /**
   * Nobody is to write or to sign in any more. Either would make the cache anew, and hide what a
   * write of unknown outcome has left there.
   */
  get isAlone(): boolean {
    return this.#mayBeAlone && this.#leftAt < NEVER;
  }

  /** Nor does anybody who began before. */
  get isSettled(): boolean {
    return this.isAlone && !this.hasGroup && this.writesInFlight === 0;
  }
}
