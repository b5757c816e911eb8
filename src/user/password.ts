import { timingSafeEqual } from "node:crypto";
import { hash as argon2Hash, verify as argon2Verify } from "@node-rs/argon2";
import { PASSWORD_LENGTH } from "../../schema/lengths.ts";
import { RpcError } from "../rpc/error.ts";
import type { Cancellable } from "./call.ts";
import { HashQueue, type HashQueueCounts, type Turn } from "./hash-queue.ts";
import { PasswordRules, type PasswordRulesOptions } from "./password-rules.ts";
import { type Pepper, Peppers } from "./pepper.ts";
import { randomPassword } from "./random-password.ts";
import { costOf, readForm, writeForm } from "./stored-password.ts";
import type { StoredPassword } from "./stores.ts";

/** The scheme and cost of new password hashes. */
export type PasswordScheme =
  | {
      readonly name: "argon2id";
      readonly memoryKib: number;
      readonly passes: number;
      readonly lanes: number;
    }
  | { readonly name: "salted-md5" };

const SALT_CHARACTERS = 4;

/** The turn of a check of a password. It learns how the check ended. */
export interface PasswordTurn extends Turn {
  /** @param isInstant `end` follows at once, before any other turn begins */
  begin(isInstant?: boolean): boolean;
  /**
   * Called once after each `begin` that returned true.
   * @param isRight undefined: the check failed
   */
  end(isRight: boolean | undefined): void;
  /** What a wrong password has set off. The check returns after that. */
  settled(): Promise<void> | undefined;
}

/** The turn of checks that are not limited. */
const UNLIMITED: PasswordTurn = {
  address: "",
  begin: () => true,
  end: () => undefined,
  settled: () => undefined,
};

export interface PasswordOptions {
  /** The first is for new hashes; the others are only for verifying. */
  readonly peppers?: readonly Pepper[] | undefined;
  /** What new passwords must be like; without them, only the contract's own rules apply. */
  readonly rules?: PasswordRulesOptions;
  readonly queue?: HashQueue;
}

/** Hashes passwords by the configured scheme and verifies those of any scheme. */
export class Passwords {
  readonly #scheme: PasswordScheme;
  readonly #peppers: Peppers;
  readonly #rules: PasswordRules | undefined;
  readonly #queue: HashQueue;

  constructor(scheme: PasswordScheme, options: PasswordOptions = {}) {
    this.#scheme = scheme;
    this.#peppers = new Peppers(options.peppers ?? []);
    this.#rules = options.rules && new PasswordRules(options.rules);
    this.#queue = options.queue ?? new HashQueue();
  }

  get counts(): HashQueueCounts {
    return this.#queue.counts;
  }

  /**
   * Call this before a user gets a new password. A sign-in must not: old passwords stay valid.
   * @param field its name in the request
   * @throws {RpcError} invalid_argument, with the rule that the password breaks
   */
  throwIfRefused(field: string, password: string, username: string): void {
    const rule = this.#rules?.brokenBy(password, username);
    if (rule === undefined) return;
    throw new RpcError("invalid_argument", `${field}: ${rule}`, { processed: false });
  }

  /** A random password that is not refused. It is as long as the rules allow. */
  random(username: string): string {
    const length = this.#rules?.maxLength ?? PASSWORD_LENGTH.max;
    for (;;) {
      const password = randomPassword(length);
      if (this.#rules?.brokenBy(password, username) === undefined) return password;
    }
  }

  /** @throws {RpcError} as `HashQueue.run` does */
  async hash(password: string, call: Cancellable, turn?: Turn): Promise<StoredPassword> {
    if (this.#scheme.name === "salted-md5") {
      turn?.begin();
      return classicPasswords(password)();
    }
    return { password: await this.#argon2id(password, { isWrapped: false }, call, turn), salt: "" };
  }

  /**
   * Make a password of the classic scheme strong without knowing it: hash its digits again. It
   * still needs its salt.
   * @throws {RpcError} as `HashQueue.run` does
   * @throws {Error} `stored` is not of the classic scheme
   */
  async wrap({ password, salt }: StoredPassword, call: Cancellable): Promise<StoredPassword> {
    if (readForm(password).scheme !== "classic") {
      throw new Error("Cannot wrap a stored password: it is not of the classic scheme");
    }
    const digits = password.toLowerCase();
    return { password: await this.#argon2id(digits, { isWrapped: true }, call), salt };
  }

  /**
   * Check a password by the scheme of `stored`. The classic scheme is cheap and does not queue.
   * @throws {RpcError} as `HashQueue.run` does
   * @throws {Error} `stored` is of an unknown scheme, or its pepper is not configured
   */
  async verify(
    password: string,
    stored: StoredPassword,
    call: Cancellable,
    turn = UNLIMITED,
  ): Promise<boolean> {
    const form = readForm(stored.password);
    let isRight: boolean;
    if (form.scheme === "classic") {
      isRight = turn.begin(true)
        ? classicCheck(password, stored, turn)
        : await this.#queue.run(call, async () => classicCheck(password, stored, turn), turn);
    } else {
      const text = form.isWrapped ? classicHash(password, stored.salt) : password;
      const input = this.#peppers.apply(form.pepperId, text);
      isRight = await this.#queue.run(call, () => argon2Check(form.phc, input, turn), turn);
    }
    if (!isRight) {
      await turn.settled();
      this.#queue.retry();
    }
    return isRight;
  }

  /**
   * Whether `stored` is weaker than the configured scheme, is wrapped, or lacks the current pepper.
   * A stronger one stays as it is.
   */
  needsRehash(stored: StoredPassword): boolean {
    if (this.#scheme.name === "salted-md5") return false;
    const form = readForm(stored.password);
    if (form.scheme === "classic" || form.isWrapped) return true;
    if (form.pepperId !== this.#peppers.currentId) return true;
    const { memoryKib, passes } = costOf(form.phc);
    return memoryKib < this.#scheme.memoryKib || passes < this.#scheme.passes;
  }

  /** @returns the text of the column, with the current pepper */
  async #argon2id(
    text: string,
    { isWrapped }: { readonly isWrapped: boolean },
    call: Cancellable,
    turn?: Turn,
  ): Promise<string> {
    if (this.#scheme.name !== "argon2id") throw new Error("Cannot wrap with salted-md5");
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#scheme;
    // The library makes argon2id by default.
    const cost = { memoryCost, timeCost, parallelism };
    const pepperId = this.#peppers.currentId;
    const input = this.#peppers.apply(pepperId, text);
    const phc = await this.#queue.run(call, () => argon2Hash(input, cost), turn);
    return writeForm({ scheme: "argon2id", pepperId, isWrapped, phc });
  }
}

async function argon2Check(phc: string, input: string, turn: PasswordTurn): Promise<boolean> {
  let isRight: boolean | undefined;
  try {
    isRight = await argon2Verify(phc, input);
    return isRight;
  } finally {
    turn.end(isRight);
  }
}

function classicCheck(password: string, stored: StoredPassword, turn: PasswordTurn): boolean {
  let isRight: boolean | undefined;
  try {
    const hash = Uint8Array.fromHex(classicHash(password, stored.salt));
    isRight = timingSafeEqual(hash, Uint8Array.fromHex(stored.password));
    return isRight;
  } finally {
    turn.end(isRight);
  }
}

/** Hashes one password by the classic scheme, with a new salt at each call. */
export function classicPasswords(password: string): () => StoredPassword {
  const inner = md5(password);
  return () => {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_CHARACTERS / 2)).toHex();
    return { password: md5(salt + inner + salt), salt };
  };
}

/** The scheme of the original system: md5(salt + md5(password) + salt), in hex. */
export function classicHash(password: string, salt: string): string {
  return md5(salt + md5(password) + salt);
}

function md5(text: string): string {
  return Bun.MD5.hash(text, "hex");
}
