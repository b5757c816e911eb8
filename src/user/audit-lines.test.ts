import { expect, setDefaultTimeout, test } from "bun:test";
import type { DeclaredErrorName } from "../../schema/errors.ts";
import { createFolder, open, recordingLog } from "../../test/storage-pairs.ts";
import type { UserService } from "../gen/user.ts";
import { DomainError } from "../rpc/error.ts";
import { Passwords } from "./password.ts";
import { createUserService } from "./service.ts";
import { sessionHandle } from "./session-id.ts";
import { openThrottle } from "./throttle.ts";

// Which audit line each use case writes. audit.test.ts tests the line itself.

// A real database on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const GRACE = { username: "grace", password: "hopper1906" };
const CALL = {
  requestId: "r-1",
  metadata: {},
  caller: "http",
  peer: "192.0.2.9",
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  isOver: false,
  remainingMs: () => Number.POSITIVE_INFINITY,
  error: (code: DeclaredErrorName) => new DomainError(code),
};
const CLIENT = { address: "203.0.113.7", userAgent: "Firefox" };
const OF_CLIENT = { address: "203.0.113.7", device: "Firefox", caller: "http", requestId: "r-1" };

/** The service in this process, with an empty database. */
async function startService() {
  await using cleanup = new AsyncDisposableStack();
  const storage = cleanup.use(await open(cleanup.use(await createFolder())));
  const { log, lines } = recordingLog();
  const service = createUserService({
    ...storage,
    passwords: new Passwords({ name: "salted-md5" }),
    throttle: await openThrottle(storage, log),
    log,
  });
  const started = cleanup.move();
  return {
    service,
    storage,
    /** The fields of the lines since the last call. */
    lines: (): unknown[] =>
      lines.splice(0).map((text) => {
        const { level: _, time: __, pid: ___, hostname: ____, msg, ...fields } = JSON.parse(text);
        expect(msg).toBe("audit");
        return fields;
      }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Make a call that fails. */
async function fail(call: Promise<unknown>): Promise<void> {
  await call.then(
    () => expect.unreachable(),
    (error) => expect(error).toBeInstanceOf(DomainError),
  );
}

test("a sign-up, a sign-in and a sign-out write one line each", async () => {
  await using account = await startService();
  const { service } = account;
  await service.signUp({ ...GRACE, client: CLIENT }, CALL);
  const { sessionId } = await service.signIn({ ...GRACE, client: CLIENT }, CALL);
  await service.signOut({ sessionId, client: CLIENT }, CALL);
  const done = { outcome: "success", username: "grace", ...OF_CLIENT };
  expect(account.lines()).toMatchObject([
    { event: "sign_up", ...done },
    { event: "sign_in", session: sessionHandle(sessionId), ...done },
    { event: "sign_out", session: sessionHandle(sessionId), ...done },
  ]);
});

test("a failure says why, and does not repeat a name that is no account", async () => {
  await using account = await startService();
  const { service } = account;
  await service.signUp(GRACE, CALL);
  account.lines();
  await fail(service.signUp({ ...GRACE, client: CLIENT }, CALL));
  await fail(service.signIn({ ...GRACE, password: "wrong", client: CLIENT }, CALL));
  await fail(service.signIn({ username: "hopper1906", password: "grace", client: CLIENT }, CALL));
  await account.storage.users.setDisabled("grace", true);
  await fail(service.signIn({ ...GRACE, client: CLIENT }, CALL));
  const failure = { outcome: "failure", ...OF_CLIENT };
  expect(account.lines()).toEqual([
    { event: "sign_up", reason: "name_taken", username: "grace", ...failure },
    { event: "sign_in", reason: "wrong_password", username: "grace", ...failure },
    { event: "sign_in", reason: "unknown_user", ...failure },
    { event: "sign_in", reason: "disabled", username: "grace", ...failure },
  ]);
});

test("the use cases of sessions, password and account write one line each", async () => {
  await using account = await startService();
  const { service } = account;
  const { username } = GRACE;
  await service.signUp(GRACE, CALL);
  const signIn = async (password = GRACE.password) =>
    (await service.signIn({ username, password }, CALL)).sessionId;
  const [first, second] = [await signIn(), await signIn()];
  await signIn();
  account.lines();

  const client = CLIENT;
  const id = sessionHandle(second);
  await service.endSession({ sessionId: first, id, client }, CALL);
  await service.endOtherSessions({ sessionId: first, client }, CALL);
  const [oldPassword, newPassword] = [GRACE.password, "lovelace1815"];
  const wrong = { sessionId: first, oldPassword: "wrong-pass", newPassword, client };
  await fail(service.changePassword(wrong, CALL));
  const changed = await service.changePassword({ ...wrong, oldPassword }, CALL);
  const { sessionId } = changed;
  await service.exportMyData({ sessionId, client }, CALL);
  await fail(service.deleteAccount({ sessionId, password: "wrong-pass", client }, CALL));
  await service.deleteAccount({ sessionId, password: newPassword, client }, CALL);

  const success = { outcome: "success", username, ...OF_CLIENT };
  const refused = { ...success, outcome: "failure", reason: "wrong_password" };
  const lines = account.lines();
  expect(lines).toEqual([
    { event: "session_end", session: id, ...success },
    { event: "session_end", ended: 1, ...success },
    { event: "password_change", ...refused },
    { event: "password_change", ...success },
    { event: "data_export", ...success },
    { event: "account_delete", ...refused },
    { event: "account_delete", ...success },
  ]);
  const text = JSON.stringify(lines);
  for (const secret of [first, second, sessionId, oldPassword, newPassword, "wrong-pass"]) {
    expect(text).not.toContain(secret);
  }
});

test("a caller without a browser counts as one", async () => {
  await using account = await startService();
  await account.service.signUp(GRACE, CALL);
  expect(account.lines()).toEqual([
    {
      event: "sign_up",
      outcome: "success",
      username: "grace",
      address: "192.0.2.9",
      caller: "http",
      requestId: "r-1",
    },
  ]);
});

test("no line is written for a session that is not there, or for a read", async () => {
  await using account = await startService();
  const { service } = account;
  await service.signUp(GRACE, CALL);
  const { sessionId } = await service.signIn(GRACE, CALL);
  account.lines();
  await service.getUserInfo({ sessionId }, CALL);
  for (const call of ["signOut", "getUserInfo"] satisfies (keyof UserService)[]) {
    await fail(service[call]({ sessionId: "none" }, CALL));
  }
  expect(account.lines()).toEqual([]);
});
