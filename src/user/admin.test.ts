import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { AdminContract } from "../../schema/admin.ts";
import type { DeclaredErrorName } from "../../schema/errors.ts";
import { createFolder, open, recordingLog, user } from "../../test/storage-pairs.ts";
import type { AdminService } from "../gen/admin.ts";
import { DomainError } from "../rpc/error.ts";
import { createAdminService } from "./admin.ts";
import { Passwords } from "./password.ts";
import { StorageError, type UserStore } from "./stores.ts";
import { openThrottle } from "./throttle.ts";

// What the audit lines say. What each method does is in test/contract/admin.test.ts.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const METHODS = Object.keys(AdminContract.methods);
const PASSWORD = "hopper1906";
const CONTEXT = {
  requestId: "r-1",
  caller: "admin",
  peer: "127.0.0.1",
  metadata: {},
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  isOver: false,
  remainingMs: () => Number.POSITIVE_INFINITY,
  error: (code: DeclaredErrorName) => new DomainError(code),
};
const BY_ADMIN = { by: "admin", caller: "admin", address: "127.0.0.1", requestId: "r-1" };

const eventOf = (name: string) =>
  `admin_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

function call(service: AdminService, name: string, request: object): Promise<unknown> {
  return Reflect.get(service, name)(request, CONTEXT);
}

/** The service on stores of its own, with the user grace, who has one session. */
async function createAdmin(replaced: Partial<UserStore> = {}) {
  const folder = await createFolder();
  const storage = await open(folder);
  await storage.users.insert(user("grace"));
  const profile = { username: "grace", nickname: "grace", profilePath: "default.webp" };
  await storage.sessions.open({
    sessionId: "a secret session id",
    profile,
    lease: undefined,
    device: "",
    address: "",
  });
  const { log, lines } = recordingLog();
  const users = new Proxy(storage.users, {
    get: (target, key) => {
      const value = Reflect.get(replaced, key) ?? Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const service = createAdminService({
    users,
    sessions: storage.sessions,
    passwords: new Passwords({ name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 }),
    throttle: await openThrottle(storage, log),
    log,
  });
  return {
    service,
    users: storage.users,
    /** The audit lines so far. */
    audited: () => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "audit"),
    lines,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test.each(["setPassword", "disableUser", "deleteUser"])(
  "Admin.%s() of a caller who is gone changes nothing",
  async (name) => {
    await using admin = await createAdmin();
    const { service, users } = admin;
    const before = await users.find("grace");
    const late = { ...CONTEXT, isOver: true };
    const act = Reflect.get(service, name)({ username: "grace", password: PASSWORD }, late);
    await expect(act).rejects.toMatchObject({ status: "cancelled", processed: false });
    expect(await users.find("grace")).toEqual(before);
    expect(await service.showUser({ username: "grace" }, CONTEXT)).toMatchObject({ sessions: 1 });
    const failure = { outcome: "failure", reason: "cancelled" };
    expect(admin.audited()[0]).toMatchObject(failure);
  },
);

describe("the audit line of Admin", () => {
  test.each(METHODS)(
    ".%s() names the act, the user and who did it, and no secret",
    async (name) => {
      await using admin = await createAdmin();
      const { service } = admin;
      const { sessions } = await service.listSessions({ username: "grace" }, CONTEXT);
      const [{ id } = { id: "" }] = sessions;
      const before = admin.audited().length;
      const request = { username: "grace", password: PASSWORD, id };
      const reply = await call(service, name, request);
      const lines = admin.audited().slice(before);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({
        ...BY_ADMIN,
        event: eventOf(name),
        outcome: "success",
        ...(name !== "findUsers" && { username: "grace" }),
        ...(name === "endSession" && { session: id }),
        ...(name === "endAllSessions" && { ended: 1 }),
      });
      const written = admin.lines.join("");
      const made = reply instanceof Object && "password" in reply ? [`${reply.password}`] : [];
      for (const secret of [PASSWORD, "a secret session id", "$argon2id", ...made]) {
        expect(written).not.toContain(secret);
      }
    },
  );

  test("of a lifted throttle names the address", async () => {
    await using admin = await createAdmin();
    await call(admin.service, "liftThrottle", { address: "203.0.113.8" });
    const success = { event: "admin_lift_throttle", outcome: "success", target: "203.0.113.8" };
    expect(admin.audited()).toMatchObject([{ ...BY_ADMIN, ...success }]);
  });

  test("of an unknown user does not repeat the name", async () => {
    await using admin = await createAdmin();
    await expect(call(admin.service, "deleteUser", { username: PASSWORD })).rejects.toThrow();
    const [line] = admin.audited();
    expect(line).toMatchObject({
      ...BY_ADMIN,
      event: "admin_delete_user",
      outcome: "failure",
      reason: "unknown_user",
    });
    expect(admin.lines.join("")).not.toContain(PASSWORD);
  });

  test("of a search has no name, not even one that is a field too many", async () => {
    await using admin = await createAdmin();
    await call(admin.service, "findUsers", { prefix: "gr", username: PASSWORD });
    expect(admin.audited()).toEqual([expect.not.objectContaining({ username: PASSWORD })]);
    expect(admin.lines.join("")).not.toContain(PASSWORD);
  });

  test("of an id that names no session does not repeat the id", async () => {
    await using admin = await createAdmin();
    const request = { username: "grace", id: "a secret session id" };
    await expect(call(admin.service, "endSession", request)).rejects.toThrow();
    const failure = { outcome: "failure", reason: "invalid_argument", username: "grace" };
    expect(admin.audited()).toMatchObject([{ event: "admin_end_session", ...failure }]);
    expect(admin.lines.join("")).not.toContain("a secret session id");
  });

  test("of a failure of the database says so", async () => {
    const setDisabled = () => Promise.reject(new StorageError("Cannot write", { cause: "" }));
    await using admin = await createAdmin({ setDisabled });
    await expect(call(admin.service, "disableUser", { username: "grace" })).rejects.toThrow();
    const failure = { outcome: "failure", reason: "database_failed", username: "grace" };
    expect(admin.audited()).toMatchObject([{ event: "admin_disable_user", ...failure }]);
  });

  test("has an event that docs/accounts.md lists", async () => {
    const page = await Bun.file(join(import.meta.dir, "../../docs/accounts.md")).text();
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    for (const name of METHODS) expect(listed).toContain(eventOf(name));
  });
});
