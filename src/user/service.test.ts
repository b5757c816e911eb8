import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { DeclaredErrorName } from "../../schema/errors.ts";
import { type Stack, startStack } from "../../test/stack.ts";
import { createFolder, open, recordingLog, silent } from "../../test/storage-pairs.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { HashQueue, MAX_WAITING_HASHES, turnOf } from "./hash-queue.ts";
import { Passwords } from "./password.ts";
import { createUserService } from "./service.ts";
import { openThrottle } from "./throttle.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// What the RPC promises beyond HTTP. The tests of HTTP are in test/contract.

const PASSWORD = "hopper1906";
const GRACE = { username: "grace", password: PASSWORD };
const ARGON2ID = { name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 } as const;
const CLASSIC = { name: "salted-md5" } as const;
const PATIENT = {
  requestId: "",
  metadata: {},
  caller: "http",
  peer: "127.0.0.1",
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  isOver: false,
  remainingMs: () => Number.POSITIVE_INFINITY,
  error: (code: DeclaredErrorName) => new DomainError(code),
};
let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

/** The error of a call. */
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

  test("findUnusedPictures() returns pictures that no profile uses, never the default one", async () => {
    const ada = { username: "ada1", password: PASSWORD };
    await stack.user.signUp(ada);
    const { sessionId } = await stack.user.signIn(ada);
    await stack.user.updateProfilePic({ sessionId, profilePath: "ada.webp" });
    const profilePaths = ["gone.webp", "ada.webp", "default.webp", "me.png"];
    expect(await stack.user.findUnusedPictures({ profilePaths })).toEqual({
      unused: ["gone.webp", "me.png"],
    });
    expect(await stack.user.findUnusedPictures({ profilePaths: [] })).toEqual({ unused: [] });
    const many = Array.from({ length: 1000 }, (_, index) => `${index}-${"x".repeat(30)}.webp`);
    expect((await stack.user.findUnusedPictures({ profilePaths: many })).unused).toEqual(many);
    const tooMany = stack.user.findUnusedPictures({ profilePaths: [...many, "one.webp"] });
    expect(await errorOf(tooMany)).toMatchObject({ status: "invalid_argument" });
  });

  test("a session id may be any string; an unknown one is InvalidSessionError", async () => {
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
    ["a username with an invisible letter", { username: "grace\u3164", password: PASSWORD }],
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

  test("a username may use any script, including combining marks", async () => {
    for (const username of ["नमस्ते", "ประเทศไทย", "Ünal_1.0", "数字-四五六"]) {
      expect(await stack.user.signUp({ username, password: PASSWORD })).toEqual({});
    }
  });

  test.each([
    ["deadline has passed", { deadline: performance.now() }, "deadline_exceeded"],
    ["caller is gone", { isOver: true }, "cancelled"],
  ])("an update whose %s is not begun, and changes nothing", async (_why, over, status) => {
    await using account = await openAccount(new Passwords(CLASSIC));
    const { service, sessionId } = account;
    const tooLate = { ...PATIENT, ...over };
    for (const write of [
      service.updateNickname({ sessionId, nickname: "late" }, tooLate),
      service.updateProfilePic({ sessionId, profilePath: "late.webp" }, tooLate),
      service.signUp({ username: "late", password: PASSWORD }, tooLate),
      service.signIn(GRACE, tooLate),
    ]) {
      expect(await errorOf(write)).toMatchObject({ status, processed: false });
    }
    expect(await service.getUserInfo({ sessionId }, PATIENT)).toEqual({
      username: "grace",
      nickname: "grace",
      profilePath: "default.webp",
    });
  });

  test("calls without a costly hash do not read the signal, which is costly to make", async () => {
    await using account = await openAccount(new Passwords(CLASSIC));
    const context = {
      ...PATIENT,
      get signal(): AbortSignal {
        throw new Error("Cannot go on: it asked for the signal");
      },
    };
    const { service, sessionId } = account;
    expect(await service.getUserInfo({ sessionId }, context)).toMatchObject({ username: "grace" });
    expect(await service.signIn(GRACE, context)).toMatchObject({ sessionId: expect.any(String) });
    expect(await service.updateNickname({ sessionId, nickname: "G" }, context)).toEqual({
      nickname: "G",
    });
  });

  test.each([
    ["deadline has passed", "deadline_exceeded", () => ({ timeoutMs: 50 })],
    ["caller is gone", "cancelled", () => ({ signal: AbortSignal.timeout(50) })],
  ])("a write whose %s is not begun", async (_why, status, impatient) => {
    // A hash takes longer than the caller waits.
    await using slow = await startStack({ PASSWORD_HASH: "argon2id:m=262144,t=4,p=1" });
    const error = await errorOf(slow.user.signUp(GRACE, impatient()));
    expect(error).toMatchObject({ status });
    // When the second sign-up ends, the hash of the first one has ended, too.
    await slow.user.signUp({ username: "ada1", password: PASSWORD }, { timeoutMs: 60_000 });
    expect(await errorOf(slow.user.signIn(GRACE))).toMatchObject({ code: "UserNotExistError" });
  });

  test("a full hash queue sheds sign-ins and sign-ups; the next one works", async () => {
    const queue = new HashQueue(1);
    await using account = await openAccount(new Passwords(ARGON2ID, { queue }));
    const { service } = account;
    const ada = { username: "ada1", password: PASSWORD };
    const drain = fill(queue);
    for (const call of [service.signIn(GRACE, PATIENT), service.signUp(ada, PATIENT)]) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(RpcError);
      // Nothing has begun, so the client may ask another server at once.
      expect(error).toMatchObject({ status: "resource_exhausted", processed: false });
      expect(error instanceof RpcError && error.retryAfterMs).toBeGreaterThan(0);
    }
    await drain();
    expect(await service.signUp(ada, PATIENT)).toEqual({});
    expect(await service.signIn(GRACE, PATIENT)).toMatchObject({ sessionId: expect.any(String) });
  });

  test("a full hash queue leaves a rehash to the next sign-in", async () => {
    const queue = new HashQueue(1);
    const { log, messages } = recordingLog("warn");
    await using account = await openAccount(new Passwords(CLASSIC));
    const { users } = account.parts;
    const passwords = new Passwords(ARGON2ID, { queue });
    const service = createUserService({ ...account.parts, passwords, log });
    const classic = await users.find("grace");
    const drain = fill(queue);
    const { sessionId } = await service.signIn(GRACE, PATIENT);
    expect(await service.getUserInfo({ sessionId }, PATIENT)).toMatchObject({ username: "grace" });
    expect(await users.find("grace")).toEqual(classic);
    expect(messages).toEqual(["warn cannot store the new hash of a password"]);
    await drain();
    await service.signIn(GRACE, PATIENT);
    expect((await users.find("grace"))?.password).toStartWith("$argon2id$");
    expect(messages.length).toBe(1);
  });

  test("a rehash takes only a small share of the time of its sign-in", async () => {
    const queue = new HashQueue(1);
    await using account = await openAccount(new Passwords(CLASSIC));
    const passwords = new Passwords(ARGON2ID, { queue });
    const service = createUserService({ ...account.parts, passwords });
    // At 10 ms each, a sign-in could wait for these 500 hashes, but its rehash cannot.
    const drain = fill(queue, 500);
    const context = { ...PATIENT, deadline: performance.now() + 20_000 };
    expect(await service.signIn(GRACE, context)).toMatchObject({ sessionId: expect.any(String) });
    await drain();
  });
});

/** Fill the calls' own line of a queue for one hash at once. Returns a function that empties it. */
function fill(queue: HashQueue, hashes = 1 + MAX_WAITING_HASHES): () => Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const turn = turnOf(PATIENT.peer);
  const full = Array.from({ length: hashes }, () => queue.run(PATIENT, () => promise, turn));
  return () => {
    resolve();
    return Promise.all(full);
  };
}

/** The service in this process, with a user Grace who is signed in. */
async function openAccount(passwords: Passwords) {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await createFolder());
  const storage = cleanup.use(await open(folder));
  const throttle = await openThrottle(storage, silent);
  const parts = { ...storage, passwords, throttle, log: silent };
  const service = createUserService(parts);
  await service.signUp(GRACE, PATIENT);
  const { sessionId } = await service.signIn(GRACE, PATIENT);
  const opened = cleanup.move();
  return {
    parts,
    service,
    sessionId,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
