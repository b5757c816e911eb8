import { classicPassword, type PasswordScheme, Passwords } from "./password.ts";
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
  const storedPassword = await storedPasswords(scheme);
  return (n) => {
    const username = testUsername(n);
    const nickname = firstNickname(username);
    return { username, nickname, profilePath, ...storedPassword(n) };
  };
}

async function storedPasswords(scheme: PasswordScheme): Promise<(n: number) => StoredPassword> {
  const password = (n: number) => `testpassword${n % TEST_PASSWORDS}`;
  if (scheme.name === "salted-md5") return (n) => classicPassword(password(n));

  const passwords = new Passwords(scheme);
  const call = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
  const all = await Promise.all(
    Array.from({ length: TEST_PASSWORDS }, (_, n) => passwords.hash(password(n), call)),
  );
  return (n) => {
    const stored = all[n % TEST_PASSWORDS];
    if (!stored) throw new RangeError(`Cannot have test user ${n}: must be a whole number from 0`);
    return stored;
  };
}
