import type { Api } from "../contract/client.ts";
import { Register } from "./register.ts";

const FIRST_NICKNAME_CODE_POINTS = 8;
const NEVER = Number.POSITIVE_INFINITY;

export interface Session {
  readonly api: Api;
  /** How many times Redis had lost its data when the sign-in began. */
  readonly losses: number;
}

/** A user of the checker. A group of browsers works on it for a while. */
export class Account {
  readonly username: string;
  readonly nickname: Register;
  /** The last session, for visitors that come back. */
  session: Session | undefined;
  hasGroup = true;
  writesInFlight = 0;
  readonly #mayBeAlone: boolean;
  #writes = 0;
  #leftAt = NEVER;

  /** @param mayBeAlone whether a write of unknown outcome may be the last one */
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

  /** Tells the group to move on soon: for a minute, the profile of this user is not cached. */
  leaveIn(ms: number): void {
    this.#leftAt = Math.min(this.#leftAt, performance.now() + ms);
  }

  get isLeft(): boolean {
    return performance.now() > this.#leftAt;
  }

  /**
   * No more writes and sign-ins for this user. Either would refill the cache, and hide what a write
   * of unknown outcome left there.
   */
  get isAlone(): boolean {
    return this.#mayBeAlone && this.#leftAt < NEVER;
  }

  /** And no write or sign-in is still running. */
  get isSettled(): boolean {
    return this.isAlone && !this.hasGroup && this.writesInFlight === 0;
  }
}
