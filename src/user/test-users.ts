import { classicPasswords, type PasswordScheme, Passwords } from "./password.ts";
import { firstNickname } from "./service.ts";
import type { StoredPassword, User } from "./stores.ts";

/** So many passwords all test users share. */
export const TEST_PASSWORDS = 10;

/** Past them, a name has more than the 13 code points of a username. */
export const MAX_TEST_USERS = 1_000_000_000;

/** User n, counted from 0, is `test<n>` with the password `testpassword<n mod 10>`. */
export type TestUsers = (n: number) => User;

export function testUsername(n: number): string {
  return `test${n}`;
}

/**
 * The users that a database is filled with. Of the classic scheme, each has a salt and a hash of
 * its own; argon2id is made to be slow, so there all that share a password share its hash.
 */
export async function createTestUsers(
  scheme: PasswordScheme,
  profilePath: string,
): Promise<TestUsers> {
  const ten = Array.from({ length: TEST_PASSWORDS }, (_, n) => `testpassword${n}`);
  const stores = await (scheme.name === "salted-md5"
    ? ten.map(classicPasswords)
    : hashedOnce(new Passwords(scheme), ten));
  return (n) => {
    const store = stores[n % TEST_PASSWORDS];
    if (!store) throw new RangeError(`Cannot have test user ${n}: must be a whole number from 0`);
    const username = testUsername(n);
    return { username, nickname: firstNickname(username), profilePath, ...store() };
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
