import { PASSWORD_LENGTH } from "../../schema/lengths.ts";
import type { PasswordScheme } from "../user/password.ts";
import type { Pepper } from "../user/pepper.ts";
import type { EnvironmentReader } from "./load.ts";
import { MIN_TOKEN_LENGTH, parsePasswordHash } from "./values.ts";

/** How new passwords are hashed. */
export interface HashConfig {
  readonly passwordHash: PasswordScheme;
  /** The first is for new hashes. */
  readonly peppers: readonly Pepper[];
}

/** What new passwords must be like, within the contract's limits. */
export interface PasswordRulesConfig {
  /** In code points. */
  readonly min: number;
  readonly max: number;
  /** Refuse common passwords and the username. */
  readonly isStrict: boolean;
}

/** The shortest password of PASSWORD_STRICT=on, as in NIST SP 800-63B. */
const STRICT_MIN = 8;

export function readHash(reader: EnvironmentReader): HashConfig {
  const fallback = { name: "salted-md5" } as const;
  const passwordHash = reader.read("PASSWORD_HASH", fallback, parsePasswordHash);
  const peppers = reader.readGiven("PASSWORD_PEPPER", parsePeppers) ?? [];
  if (peppers.length > 0 && reader.given("PASSWORD_HASH") === "salted-md5") {
    reader.report("PASSWORD_PEPPER does not work with PASSWORD_HASH=salted-md5: use argon2id");
  }
  return { passwordHash, peppers };
}

export function readPasswordRules(reader: EnvironmentReader): PasswordRulesConfig {
  const isStrict = reader.isOn("PASSWORD_STRICT", "on");
  const isDefault = reader.given("PASSWORD_MIN") === undefined;
  const whole = reader.whole("PASSWORD_MIN", PASSWORD_LENGTH.min, PASSWORD_LENGTH.max);
  const min = isStrict && isDefault ? STRICT_MIN : whole;
  const max = reader.whole("PASSWORD_MAX", PASSWORD_LENGTH.min, PASSWORD_LENGTH.max);
  if (max < min)
    reader.report(`PASSWORD_MAX is "${max}": must be ${min} or more, as the shortest password is`);
  return { min, max, isStrict };
}

/** Problems are reported by position: an entry in the wrong order has its secret in front. */
function parsePeppers(value: string): Pepper[] {
  const peppers = value.split(",").map((entry, index) => {
    const [, id, secret = ""] = /^([\w-]{1,16}):(.*)$/s.exec(entry.trim()) ?? [];
    const which = `entry ${index + 1}`;
    if (id === undefined) {
      const like = "id:secret, with an id of 1 to 16 letters, digits, _ and -";
      throw new Error(`must be one or more of ${like}, separated by commas: ${which} is not`);
    }
    if (secret.length < MIN_TOKEN_LENGTH) {
      throw new Error(
        `must have secrets of ${MIN_TOKEN_LENGTH} characters or more: ${which} is shorter`,
      );
    }
    return { id, secret };
  });
  if (new Set(peppers.map(({ id }) => id)).size < peppers.length) {
    throw new Error("must not have the same id twice");
  }
  return peppers;
}
