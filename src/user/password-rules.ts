import { readFileSync } from "node:fs";
// Where they come from: `test/common-passwords.ts`.
import COMMON_PASSWORDS from "./common-passwords.txt" with { type: "file" };

export interface PasswordRulesOptions {
  /** In code points. */
  readonly min: number;
  readonly max: number;
  /** Refuse common passwords and the username. */
  readonly isStrict: boolean;
}

/** Rules for new passwords, within those of the contract. */
export class PasswordRules {
  readonly #options: PasswordRulesOptions;
  readonly #common: ReadonlySet<string>;

  constructor(options: PasswordRulesOptions) {
    this.#options = options;
    this.#common = new Set(options.isStrict ? readCommonPasswords() : []);
  }

  /** In code points. */
  get maxLength(): number {
    return this.#options.max;
  }

  /** @returns the first rule that the password breaks, or undefined */
  brokenBy(password: string, username: string): string | undefined {
    const { min, max, isStrict } = this.#options;
    const { length } = [...password.normalize("NFC")];
    if (length < min || length > max) {
      return min === max ? `${min} code points` : `${min} to ${max} code points`;
    }
    if (!isStrict) return undefined;
    if (plain(password) === plain(username)) return "must not be the username";
    return this.#common.has(plain(password)) ? "must not be a common password" : undefined;
  }
}

/** The lines after the first empty one, which ends the source and its licence. */
function readCommonPasswords(): string[] {
  const text = readFileSync(COMMON_PASSWORDS, "utf8");
  return text
    .slice(text.indexOf("\n\n") + 2)
    .trimEnd()
    .split("\n");
}

/** A text as it is compared, without regard to case. */
function plain(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
