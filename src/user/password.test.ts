import { describe, expect, test } from "bun:test";
import { classicHash, Passwords } from "./password.ts";

const ARGON2ID = { name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 } as const;
const CLASSIC = { name: "salted-md5" } as const;

describe("Passwords", () => {
  test("hash() makes a PHC string of the configured cost, with a salt of its own", async () => {
    const passwords = new Passwords({ name: "argon2id", memoryKib: 256, passes: 2, lanes: 1 });
    const one = await passwords.hash("hopper1906");
    const other = await passwords.hash("hopper1906");
    expect(one.password).toStartWith("$argon2id$v=19$m=256,t=2,p=1$");
    expect(one.salt).toBe("");
    expect(other.password).not.toBe(one.password);
  });

  test("hash() makes the classic scheme where it is configured", async () => {
    const { password, salt } = await new Passwords(CLASSIC).hash("hopper1906");
    expect(salt).toMatch(/^[0-9a-f]{4}$/);
    expect(password).toBe(classicHash("hopper1906", salt));
  });

  test("the classic scheme is md5(salt + md5(password) + salt), in hex", () => {
    // printf %s hopper1906 | md5sum; then printf 'ab12%sab12' <that> | md5sum
    expect(classicHash("hopper1906", "ab12")).toBe("3556b879a46fe8f8e984aca808990438");
  });

  test("verify() goes by the scheme of what is stored, not by the configured one", async () => {
    for (const stored of [
      await new Passwords(ARGON2ID).hash("pässwörd🙂"),
      await new Passwords(CLASSIC).hash("pässwörd🙂"),
    ]) {
      for (const scheme of [ARGON2ID, CLASSIC]) {
        const passwords = new Passwords(scheme);
        expect(await passwords.verify("pässwörd🙂", stored)).toBe(true);
        expect(await passwords.verify("pässwörd", stored)).toBe(false);
        expect(await passwords.verify("", stored)).toBe(false);
      }
    }
  });

  test("verify() takes the hex digits of the classic scheme in either case", async () => {
    const { password, salt } = await new Passwords(CLASSIC).hash("hopper1906");
    const stored = { password: password.toUpperCase(), salt };
    expect(await new Passwords(CLASSIC).verify("hopper1906", stored)).toBe(true);
    expect(await new Passwords(CLASSIC).verify("hopper1907", stored)).toBe(false);
  });

  test("verify() throws on what is of no known scheme", async () => {
    const passwords = new Passwords(ARGON2ID);
    for (const password of ["", "plain", "$argon2id$v=19$m=1", "0123456789abcdef"]) {
      await expect(passwords.verify("plain", { password, salt: "" })).rejects.toThrow();
    }
  });

  test("needsRehash() strengthens what is weaker and never weakens", async () => {
    const stored = (m: number, t: number) => ({
      password: `$argon2id$v=19$m=${m},t=${t},p=1$c2FsdHNhbHQ$aGFzaA`,
      salt: "",
    });
    const passwords = new Passwords({ name: "argon2id", memoryKib: 256, passes: 2, lanes: 1 });
    expect(passwords.needsRehash(stored(256, 2))).toBe(false);
    expect(passwords.needsRehash(stored(512, 3))).toBe(false);
    expect(passwords.needsRehash(stored(255, 2))).toBe(true);
    expect(passwords.needsRehash(stored(256, 1))).toBe(true);
    expect(passwords.needsRehash(await new Passwords(CLASSIC).hash("hopper1906"))).toBe(true);
    expect(new Passwords(CLASSIC).needsRehash(stored(8, 1))).toBe(false);
  });
});
