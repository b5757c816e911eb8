import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import { classicPasswords, type PasswordScheme, Passwords } from "./password.ts";
import type { Pepper } from "./pepper.ts";
import { firstNickname } from "./sign-up.ts";
import type { StoredPassword, User } from "./stores.ts";

/** All test users share this many passwords. */
export const TEST_PASSWORDS = 10;

/** With more users, a name would exceed the 13 code points of a username. */
export const MAX_TEST_USERS = 1_000_000_000;

/** User n, counted from 0, is `test<n>` with the password `testpassword<n mod 10>`. */
export type TestUsers = (n: number) => User;

export function testUsername(n: number): string {
  return `test${n}`;
}

/**
 * The users that `bun run seed` inserts. With the classic scheme, each has its own salt and hash.
 * argon2id is slow by design, so all users of one password share its hash.
 */
export async function createTestUsers(
  scheme: PasswordScheme,
  peppers: readonly Pepper[] = [],
): Promise<TestUsers> {
  const ten = Array.from({ length: TEST_PASSWORDS }, (_, n) => `testpassword${n}`);
  const hashers = await (scheme.name === "salted-md5"
    ? ten.map(classicPasswords)
    : hashedOnce(new Passwords(scheme, { peppers }), ten));
  return (n) => {
    const hash = hashers[n % TEST_PASSWORDS];
    if (!hash) throw new RangeError(`Cannot have test user ${n}: must be a whole number from 0`);
    const username = testUsername(n);
    const nickname = firstNickname(username);
    return { username, nickname, profilePath: DEFAULT_PROFILE_PATH, ...hash() };
  };
}

async function hashedOnce(
  passwords: Passwords,
  texts: string[],
): Promise<(() => StoredPassword)[]> {
  const call = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
  const all = await Promise.all(texts.map((text) => passwords.hash(text, call)));
  return all.map((stored) => () => stored);
}
