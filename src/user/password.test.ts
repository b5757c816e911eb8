import { describe, expect, test } from "bun:test";
import { RpcError } from "../rpc/error.ts";
import { HashQueue, MAX_WAITING_HASHES } from "./hash-queue.ts";
import { classicHash, Passwords } from "./password.ts";

const ARGON2ID = { name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 } as const;
const CLASSIC = { name: "salted-md5" } as const;
const PATIENT = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
/** argon2 rejects it, which shows that argon2 was started. */
const UNREADABLE = { password: "$argon2id$v=19$m=1", salt: "" };

/** The error that a promise is rejected with. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `no error, but ${value}`,
    (error) => error,
  );
}

describe("Passwords", () => {
  test("hash() makes a PHC string of the configured cost, with a salt of its own", async () => {
    const passwords = new Passwords({ name: "argon2id", memoryKib: 256, passes: 2, lanes: 1 });
    const one = await passwords.hash("hopper1906", PATIENT);
    const other = await passwords.hash("hopper1906", PATIENT);
    expect(one.password).toStartWith("$argon2id$v=19$m=256,t=2,p=1$");
    expect(one.salt).toBe("");
    expect(other.password).not.toBe(one.password);
  });

  test("hash() uses the classic scheme if it is configured", async () => {
    const { password, salt } = await new Passwords(CLASSIC).hash("hopper1906", PATIENT);
    expect(salt).toMatch(/^[0-9a-f]{4}$/);
    expect(password).toBe(classicHash("hopper1906", salt));
  });

  test("the classic scheme is md5(salt + md5(password) + salt), in hex", () => {
    // printf %s hopper1906 | md5sum; then printf 'ab12%sab12' <that> | md5sum
    expect(classicHash("hopper1906", "ab12")).toBe("3556b879a46fe8f8e984aca808990438");
  });

  test("verify() uses the scheme of the stored hash, not the configured one", async () => {
    for (const stored of [
      await new Passwords(ARGON2ID).hash("pässwörd🙂", PATIENT),
      await new Passwords(CLASSIC).hash("pässwörd🙂", PATIENT),
    ]) {
      for (const scheme of [ARGON2ID, CLASSIC]) {
        const passwords = new Passwords(scheme);
        expect(await passwords.verify("pässwörd🙂", stored, PATIENT)).toBe(true);
        expect(await passwords.verify("pässwörd", stored, PATIENT)).toBe(false);
        expect(await passwords.verify("", stored, PATIENT)).toBe(false);
      }
    }
  });

  test("verify() accepts the hex digits of the classic scheme in upper and lower case", async () => {
    const { password, salt } = await new Passwords(CLASSIC).hash("hopper1906", PATIENT);
    const stored = { password: password.toUpperCase(), salt };
    expect(await new Passwords(CLASSIC).verify("hopper1906", stored, PATIENT)).toBe(true);
    expect(await new Passwords(CLASSIC).verify("hopper1907", stored, PATIENT)).toBe(false);
  });

  test("verify() throws for an unknown scheme", async () => {
    const passwords = new Passwords(ARGON2ID);
    for (const password of ["", "plain", "$argon2id$v=19$m=1", "0123456789abcdef"]) {
      await expect(passwords.verify("plain", { password, salt: "" }, PATIENT)).rejects.toThrow();
    }
  });

  test("needsRehash() is true for weaker hashes only", async () => {
    const stored = (m: number, t: number) => ({
      password: `$argon2id$v=19$m=${m},t=${t},p=1$c2FsdHNhbHQ$aGFzaA`,
      salt: "",
    });
    const passwords = new Passwords({ name: "argon2id", memoryKib: 256, passes: 2, lanes: 1 });
    expect(passwords.needsRehash(stored(256, 2))).toBe(false);
    expect(passwords.needsRehash(stored(512, 3))).toBe(false);
    expect(passwords.needsRehash(stored(255, 2))).toBe(true);
    expect(passwords.needsRehash(stored(256, 1))).toBe(true);
    expect(passwords.needsRehash(await new Passwords(CLASSIC).hash("hopper1906", PATIENT))).toBe(
      true,
    );
    expect(new Passwords(CLASSIC).needsRehash(stored(8, 1))).toBe(false);
  });

  test("argon2 is not started for a call that has ended", async () => {
    const passwords = new Passwords(ARGON2ID);
    const started = await errorOf(passwords.verify("plain", UNREADABLE, PATIENT));
    expect(started).toBeInstanceOf(Error);
    expect(started).not.toBeInstanceOf(RpcError);
    for (const [call, status] of [
      [{ ...PATIENT, signal: AbortSignal.abort() }, "cancelled"],
      [{ ...PATIENT, deadline: performance.now() }, "deadline_exceeded"],
    ] as const) {
      expect(await errorOf(passwords.verify("plain", UNREADABLE, call))).toMatchObject({ status });
      expect(await errorOf(passwords.hash("plain", call))).toMatchObject({ status });
    }
  });

  test("hash() and verify() wait for their turn; a call that ends first drops them", async () => {
    const queue = new HashQueue(1);
    const passwords = new Passwords(ARGON2ID, { queue });
    const stored = await passwords.hash("hopper1906", PATIENT);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const running = queue.run(PATIENT, () => promise);
    const controller = new AbortController();
    const ended: string[] = [];
    const waiting = [
      passwords.hash("hopper1906", PATIENT).then(() => ended.push("hash")),
      passwords.verify("hopper1906", stored, PATIENT).then(() => ended.push("verify")),
    ];
    const gone = errorOf(
      passwords.verify("plain", UNREADABLE, { ...PATIENT, signal: controller.signal }),
    );
    // Far longer than a hash of this cost takes.
    await Bun.sleep(100);
    expect(ended).toEqual([]);
    controller.abort();
    release();
    await Promise.all([running, ...waiting]);
    // In either order: after such a wait, both results are returned together.
    expect(ended.toSorted()).toEqual(["hash", "verify"]);
    expect(await gone).toMatchObject({ status: "cancelled" });
  });

  test("the classic scheme is hashed and verified even if the queue is full", async () => {
    const queue = new HashQueue(1);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const full = Array.from({ length: 1 + MAX_WAITING_HASHES }, () =>
      queue.run(PATIENT, () => promise),
    );
    const classic = new Passwords(CLASSIC, { queue });
    const stored = await classic.hash("hopper1906", PATIENT);
    expect(await classic.verify("hopper1906", stored, PATIENT)).toBe(true);
    const argon2id = new Passwords(ARGON2ID, { queue });
    expect(await argon2id.verify("hopper1907", stored, PATIENT)).toBe(false);
    for (const costly of [
      argon2id.hash("hopper1906", PATIENT),
      classic.verify("hopper1906", UNREADABLE, PATIENT),
    ]) {
      expect(await errorOf(costly)).toMatchObject({ status: "resource_exhausted" });
    }
    release();
    await Promise.all(full);
    expect(await argon2id.verify("hopper1906", stored, PATIENT)).toBe(true);
    expect((await argon2id.hash("hopper1906", PATIENT)).password).toStartWith("$argon2id$");
  });
});
