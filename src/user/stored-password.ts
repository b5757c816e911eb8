/**
 * The column `password` of a user. It has one of these forms:
 *
 * - 32 hex digits: the classic scheme, whose salt is in the column `salt`;
 * - `$argon2id$…`: a PHC string;
 * - `$salted-md5$argon2id$…`: argon2id of the lower-case hex digits of the classic scheme;
 * - `$hmac-sha256$keyid=<id>` before one of the last two: argon2id of an HMAC in hex, that of the
 *   password or of those digits. The key is the pepper with that id.
 *
 * The longest has 148 characters, and the column takes 255.
 */
export type PasswordForm =
  | { readonly scheme: "classic" }
  | {
      readonly scheme: "argon2id";
      /** Undefined without a pepper. */
      readonly pepperId: string | undefined;
      /** Whether it hashes the digits of the classic scheme instead of the password. */
      readonly isWrapped: boolean;
      readonly phc: string;
    };

const CLASSIC_HASH = /^[0-9a-f]{32}$/i;
const ARGON2ID = /^(?:\$hmac-sha256\$keyid=([\w-]{1,16}))?(\$salted-md5)?(\$argon2id\$.*)$/;
const PHC_COST = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/;

/** @throws {Error} the form is unknown */
export function readForm(password: string): PasswordForm {
  if (CLASSIC_HASH.test(password)) return { scheme: "classic" };
  const [, pepperId, wrapped, phc] = ARGON2ID.exec(password) ?? [];
  if (phc === undefined) throw new Error("Cannot read a stored password: its form is unknown");
  return { scheme: "argon2id", pepperId, isWrapped: wrapped !== undefined, phc };
}

/** The text of the column. */
export function writeForm(form: Extract<PasswordForm, { scheme: "argon2id" }>): string {
  const { pepperId, isWrapped, phc } = form;
  const pepper = pepperId === undefined ? "" : `$hmac-sha256$keyid=${pepperId}`;
  return `${pepper}${isWrapped ? "$salted-md5" : ""}${phc}`;
}

/** Memory and passes of a PHC string. Both are 0 if it has another version of argon2id. */
export function costOf(phc: string): { readonly memoryKib: number; readonly passes: number } {
  const [, memoryKib = "0", passes = "0"] = PHC_COST.exec(phc) ?? [];
  return { memoryKib: Number(memoryKib), passes: Number(passes) };
}
