import { describe, expect, test } from "bun:test";
import { classicHash, classicPasswords, type PasswordScheme, Passwords } from "./password.ts";
import { readForm, writeForm } from "./stored-password.ts";
import type { StoredPassword } from "./stores.ts";

const ARGON2ID = { name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 } as const;
const CLASSIC: PasswordScheme = { name: "salted-md5" };
const PATIENT = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
const OLD = { id: "2025", secret: "a pepper of last year" };
const NEW = { id: "2026", secret: "a pepper of this year" };
const PASSWORD = "pässwörd🙂";

/** Every form that a stored password can have, by what made it. */
const MADE: Readonly<Record<string, () => Promise<StoredPassword>>> = {
  classic: async () => classicPasswords(PASSWORD)(),
  plain: () => new Passwords(ARGON2ID).hash(PASSWORD, PATIENT),
  "plain, old pepper": () => withPeppers(OLD).hash(PASSWORD, PATIENT),
  "plain, new pepper": () => withPeppers(NEW, OLD).hash(PASSWORD, PATIENT),
  wrapped: () => new Passwords(ARGON2ID).wrap(classicPasswords(PASSWORD)(), PATIENT),
  "wrapped, old pepper": () => withPeppers(OLD).wrap(classicPasswords(PASSWORD)(), PATIENT),
  "wrapped, new pepper": () => withPeppers(NEW).wrap(classicPasswords(PASSWORD)(), PATIENT),
};

/** What a server may have been started with, and the form that it stores at a sign-in. */
const SERVERS: readonly { passwords: Passwords; knows: readonly string[]; makes: RegExp }[] = [
  { passwords: new Passwords(ARGON2ID), knows: [], makes: /^\$argon2id\$/ },
  { passwords: withPeppers(OLD), knows: ["old"], makes: /^\$hmac-sha256\$keyid=2025\$argon2id\$/ },
  {
    passwords: withPeppers(NEW, OLD),
    knows: ["old", "new"],
    makes: /^\$hmac-sha256\$keyid=2026\$argon2id\$/,
  },
];

function withPeppers(...peppers: { id: string; secret: string }[]): Passwords {
  return new Passwords(ARGON2ID, { peppers });
}

describe.each(Object.entries(MADE))("a stored password that is %s", (name, make) => {
  for (const { passwords, knows, makes } of SERVERS) {
    const pepper = /(old|new) pepper/.exec(name)?.[1];
    const isKnown = pepper === undefined || knows.includes(pepper);
    const server = `a server with ${knows.length} peppers`;

    if (isKnown)
      test(`is verified by ${server}, and hashed again as configured`, async () => {
        const stored = await make();
        expect(await passwords.verify(PASSWORD, stored, PATIENT)).toBe(true);
        for (const wrong of ["pässwörd", "", stored.password, classicHash(PASSWORD, stored.salt)]) {
          expect(await passwords.verify(wrong, stored, PATIENT)).toBe(false);
        }
        expect(passwords.needsRehash(stored)).toBe(!makes.test(stored.password));
        const again = await passwords.hash(PASSWORD, PATIENT);
        expect(again).toEqual({ password: expect.stringMatching(makes), salt: "" });
        expect(passwords.needsRehash(again)).toBe(false);
        expect(await passwords.verify(PASSWORD, again, PATIENT)).toBe(true);
      });

    if (!isKnown)
      test(`is a fault for ${server}, not a wrong password`, async () => {
        const stored = await make();
        const id = pepper === "old" ? "2025" : "2026";
        await expect(passwords.verify(PASSWORD, stored, PATIENT)).rejects.toThrow(
          `Cannot verify a password: its pepper "${id}" is not in PASSWORD_PEPPER`,
        );
      });
  }

  test("is verified by a server of the classic scheme, which never hashes it again", async () => {
    const stored = await make();
    const passwords = new Passwords(CLASSIC, { peppers: [NEW, OLD] });
    expect(await passwords.verify(PASSWORD, stored, PATIENT)).toBe(true);
    expect(await passwords.verify("pässwörd", stored, PATIENT)).toBe(false);
    expect(passwords.needsRehash(stored)).toBe(false);
  });
});

describe("Passwords with a pepper", () => {
  test("a hash depends on the secret, not only on its id", async () => {
    const stored = await withPeppers(OLD).hash(PASSWORD, PATIENT);
    const other = withPeppers({ ...OLD, secret: "another secret of last year" });
    expect(await other.verify(PASSWORD, stored, PATIENT)).toBe(false);
  });

  test("a hash without its prefix does not match: the password itself was not hashed", async () => {
    const { password, salt } = await withPeppers(OLD).hash(PASSWORD, PATIENT);
    const form = readForm(password);
    if (form.scheme === "classic") throw new Error("must be argon2id");
    const bare = { password: form.phc, salt };
    expect(await withPeppers(OLD).verify(PASSWORD, bare, PATIENT)).toBe(false);
  });

  test("a pepper that is no longer current is replaced, even if the hash is costly", async () => {
    const costly = new Passwords({ ...ARGON2ID, passes: 3 }, { peppers: [OLD] });
    const stored = await costly.hash(PASSWORD, PATIENT);
    expect(withPeppers(OLD, NEW).needsRehash(stored)).toBe(false);
    expect(withPeppers(NEW, OLD).needsRehash(stored)).toBe(true);
  });
});

describe("Passwords.wrap()", () => {
  test("keeps the salt, and takes digits in upper case", async () => {
    const { password, salt } = classicPasswords(PASSWORD)();
    const passwords = new Passwords(ARGON2ID);
    const wrapped = await passwords.wrap({ password: password.toUpperCase(), salt }, PATIENT);
    expect(wrapped).toEqual({
      password: expect.stringMatching(/^\$salted-md5\$argon2id\$v=19\$m=64,t=1,p=1\$/),
      salt,
    });
    expect(await passwords.verify(PASSWORD, wrapped, PATIENT)).toBe(true);
    const otherSalt = { ...wrapped, salt: salt === "0000" ? "0001" : "0000" };
    expect(await passwords.verify(PASSWORD, otherSalt, PATIENT)).toBe(false);
  });

  test("refuses a password that is not of the classic scheme, and the classic scheme", async () => {
    const passwords = new Passwords(ARGON2ID);
    const classic = classicPasswords(PASSWORD)();
    const stored = await passwords.wrap(classic, PATIENT);
    await expect(passwords.wrap(stored, PATIENT)).rejects.toThrow("not of the classic scheme");
    await expect(new Passwords(CLASSIC).wrap(classic, PATIENT)).rejects.toThrow("Cannot wrap");
  });
});

test("the longest form fits the column, and every form is read as it was written", () => {
  const phc = `$argon2id$v=19$m=9999999,t=999,p=99$${"A".repeat(22)}$${"B".repeat(43)}`;
  for (const pepperId of [undefined, "a", "Portico-2026_key"]) {
    for (const isWrapped of [false, true]) {
      const form = { scheme: "argon2id", pepperId, isWrapped, phc } as const;
      const text = writeForm(form);
      expect(readForm(text)).toEqual(form);
      expect(text.length).toBeLessThanOrEqual(148);
    }
  }
  for (const text of [
    "",
    "$salted-md5$",
    `$hmac-sha256$keyid=$argon2id$`,
    "$hmac-sha256$argon2id$",
  ])
    expect(() => readForm(text)).toThrow("its form is unknown");
});
