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

export function readHash(reader: EnvironmentReader): HashConfig {
  const fallback = { name: "salted-md5" } as const;
  const passwordHash = reader.read("PASSWORD_HASH", fallback, parsePasswordHash);
  const peppers = reader.readGiven("PASSWORD_PEPPER", parsePeppers) ?? [];
  if (peppers.length > 0 && reader.given("PASSWORD_HASH") === "salted-md5") {
    reader.report("PASSWORD_PEPPER does not work with PASSWORD_HASH=salted-md5: use argon2id");
  }
  return { passwordHash, peppers };
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
