import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Stack, startStack } from "../../test/stack.ts";
import { createFolder, silent } from "../../test/storage-pairs.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { openStorage } from "../storage/open.ts";
import { Passwords } from "./password.ts";
import { createUserService } from "./service.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// What the RPC promises beyond HTTP, which has its own tests under test/contract.

const PASSWORD = "hopper1906";
let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

/** The error that a call is answered with. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (reply) => `a reply: ${JSON.stringify(reply)}`,
    (error) => error,
  );
}

describe("the User service over the RPC", () => {
  test("signIn() opens a session that getUserInfo() accepts from another connection", async () => {
    await stack.user.signUp({ username: "grace", password: PASSWORD });
    const { sessionId } = await stack.user.signIn({ username: "grace", password: PASSWORD });
    expect(await stack.anotherClient().getUserInfo({ sessionId })).toEqual({
      username: "grace",
      nickname: "grace",
      profilePath: "default.webp",
    });
  });

  test("a session id is any string: one that names no session is InvalidSessionError", async () => {
    for (const sessionId of ["", " ", "user:grace", "'; --", "🙂".repeat(1000), "a\0b"]) {
      for (const call of [
        stack.user.getUserInfo({ sessionId }),
        stack.user.signOut({ sessionId }),
        stack.user.updateNickname({ sessionId, nickname: "Amazing" }),
        stack.user.updateProfilePic({ sessionId, profilePath: "a.webp" }),
      ]) {
        const error = await errorOf(call);
        expect(error).toBeInstanceOf(DomainError);
        expect(error).toMatchObject({ code: "InvalidSessionError" });
      }
    }
  });

  test.each([
    ["a username that is too short", { username: "abc", password: PASSWORD }],
    ["a username that is not NFC", { username: "e\u0301mile", password: PASSWORD }],
    ["a username with a variation selector", { username: "grace\uFE0F", password: PASSWORD }],
    [
      "a username with a letter that shows nothing",
      { username: "grace\u3164", password: PASSWORD },
    ],
    ["a password with a control code point", { username: "grace2", password: "hop\u0007per" }],
  ])(
    "signUp() refuses %s as invalid_argument, without repeating it",
    async (_what, credentials) => {
      const error = await errorOf(stack.user.signUp(credentials));
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ status: "invalid_argument", processed: false });
      expect(String(error)).not.toContain(credentials.password);
    },
  );

  test.each([
    "../secret.webp",
    "a/b.webp",
    "a.html",
    ".webp",
    "a.webp/",
    "ä.webp",
    "a".repeat(101),
  ])("updateProfilePic() refuses %p, which is no bare name of a picture", async (profilePath) => {
    const error = await errorOf(stack.user.updateProfilePic({ sessionId: "", profilePath }));
    expect(error).toMatchObject({ status: "invalid_argument" });
  });

  test("a username may be of any script, with the marks that its letters need", async () => {
    for (const username of ["नमस्ते", "ประเทศไทย", "Ünal_1.0", "数字-四五六"]) {
      expect(await stack.user.signUp({ username, password: PASSWORD })).toEqual({});
    }
  });

  test("an update whose deadline has passed is not begun, and changes nothing", async () => {
    await using folder = await createFolder();
    const storage = await openStorage({ ...folder, sessionTtlSeconds: 60, log: silent });
    const service = createUserService({
      ...storage,
      passwords: new Passwords({ name: "salted-md5" }),
      defaultProfilePath: "default.webp",
      log: silent,
    });
    const { signal } = new AbortController();
    const until = (deadline: number) => {
      return { requestId: "", deadline, signal, remainingMs: () => deadline - performance.now() };
    };
    const [inTime, tooLate] = [until(Number.POSITIVE_INFINITY), until(performance.now())];
    const credentials = { username: "grace", password: PASSWORD };
    await service.signUp(credentials, inTime);
    const { sessionId } = await service.signIn(credentials, inTime);
    for (const write of [
      service.updateNickname({ sessionId, nickname: "late" }, tooLate),
      service.updateProfilePic({ sessionId, profilePath: "late.webp" }, tooLate),
      service.signUp({ username: "late", password: PASSWORD }, tooLate),
      service.signIn(credentials, tooLate),
    ]) {
      expect(await errorOf(write)).toMatchObject({ status: "deadline_exceeded", processed: false });
    }
    expect(await service.getUserInfo({ sessionId }, inTime)).toEqual({
      username: "grace",
      nickname: "grace",
      profilePath: "default.webp",
    });
    await storage.close();
  });

  test("a write whose deadline has passed is not begun", async () => {
    // A hash that takes longer than the caller waits.
    await using slow = await startStack({ PASSWORD_HASH: "argon2id:m=262144,t=4,p=1" });
    const credentials = { username: "grace", password: PASSWORD };
    const error = await errorOf(slow.user.signUp(credentials, { timeoutMs: 50 }));
    expect(error).toMatchObject({ status: "deadline_exceeded" });
    // The hash of a second sign-up ends after that of the first one.
    await slow.user.signUp({ username: "ada1", password: PASSWORD }, { timeoutMs: 60_000 });
    expect(await errorOf(slow.user.signIn(credentials))).toMatchObject({
      code: "UserNotExistError",
    });
  });
});
