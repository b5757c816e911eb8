import { expect, setDefaultTimeout, test } from "bun:test";
import type { DeclaredErrorName } from "../schema/errors.ts";
import type { UserService } from "../src/gen/user.ts";
import { DomainError, RpcError } from "../src/rpc/error.ts";
import type { OpenStorage } from "../src/storage/open.ts";
import { Passwords } from "../src/user/password.ts";
import { createUserService } from "../src/user/service.ts";
import { sessionHandle } from "../src/user/session-id.ts";
import { openThrottle, type Throttle } from "../src/user/throttle.ts";
import { open, PAIRS, silent } from "./storage-pairs.ts";

// A new owner of a name meets nothing of the old one. Each act of the old owner is stopped before
// and after each of its calls of the stores. There, the account is deleted, and another person signs
// up with the same name through another server.

// The shared servers may start within the first test, and the machine may be slow.
setDefaultTimeout(180_000);

const OLD = "hopper1906";
const NEW = "lovelace1815";
const PASSWORDS = new Passwords({ name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 });
const CONTEXT = {
  requestId: "r-1",
  caller: "http",
  peer: "127.0.0.1",
  metadata: {},
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  isOver: false,
  remainingMs: () => Number.POSITIVE_INFINITY,
  error: (code: DeclaredErrorName) => new DomainError(code),
};

interface OldOwner {
  readonly username: string;
  readonly sessionId: string;
  readonly otherSessionId: string;
}

type Act = (service: UserService, owner: OldOwner) => Promise<object>;

const ACTS: Readonly<Record<string, Act>> = {
  "getUserInfo()": (service, { sessionId }) => service.getUserInfo({ sessionId }, CONTEXT),
  "updateNickname()": (service, { sessionId }) =>
    service.updateNickname({ sessionId, nickname: "old" }, CONTEXT),
  "updateProfilePic()": (service, { sessionId }) =>
    service.updateProfilePic({ sessionId, profilePath: "old.webp" }, CONTEXT),
  "listSessions()": (service, { sessionId }) => service.listSessions({ sessionId }, CONTEXT),
  "endSession()": (service, { sessionId, otherSessionId }) =>
    service.endSession({ sessionId, id: sessionHandle(otherSessionId) }, CONTEXT),
  "endOtherSessions()": (service, { sessionId }) =>
    service.endOtherSessions({ sessionId }, CONTEXT),
  "exportMyData()": (service, { sessionId }) => service.exportMyData({ sessionId }, CONTEXT),
  "signIn()": (service, { username }) => service.signIn({ username, password: OLD }, CONTEXT),
  "signOut()": (service, { sessionId }) => service.signOut({ sessionId }, CONTEXT),
  "changePassword()": (service, { sessionId }) =>
    service.changePassword({ sessionId, oldPassword: OLD, newPassword: "newest" }, CONTEXT),
  "deleteAccount()": (service, { sessionId }) =>
    service.deleteAccount({ sessionId, password: OLD }, CONTEXT),
};

type Deletion = (service: UserService, users: OpenStorage["users"], name: string) => Promise<void>;

const DELETIONS: Readonly<Record<string, Deletion>> = {
  async "by the user"(service, _users, username) {
    const { sessionId } = await service.signIn({ username, password: OLD }, CONTEXT);
    await service.deleteAccount({ sessionId, password: OLD }, CONTEXT);
  },
  async "by SQL"(_service, users, username) {
    await users.delete(username);
  },
};

/** A store that stops before and after each call. */
function stopping<Store extends object>(store: Store, stop: () => Promise<void>): Store {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return async (...values: unknown[]) => {
        await stop();
        const result: unknown = await Reflect.apply(value, target, values);
        await stop();
        return result;
      };
    },
  });
}

/** @param throttle of a server; the calls of its stores do not count as stops */
function serviceOf({ users, sessions }: Stores, throttle: Throttle): UserService {
  return createUserService({ users, sessions, passwords: PASSWORDS, throttle, log: silent });
}

type Stores = Pick<OpenStorage, "users" | "sessions">;

/** Two servers on the same databases. */
interface Servers {
  readonly one: OpenStorage;
  readonly other: OpenStorage;
  readonly throttle: Throttle;
}

/** One act of one old owner, and the change of the owner at its stop with the number `at`. */
async function actAndHandOver(
  { one, other, throttle }: Servers,
  username: string,
  act: Act,
  deletion: Deletion,
  at: number,
) {
  const service = serviceOf(other, throttle);
  await service.signUp({ username, password: OLD }, CONTEXT);
  const signIn = (password: string) => service.signIn({ username, password }, CONTEXT);
  const { sessionId } = await signIn(OLD);
  const { sessionId: otherSessionId } = await signIn(OLD);
  let stops = 0;
  let newSessionId: string | undefined;
  const handOver = async () => {
    // The act may have deleted the user, or changed the password.
    await deletion(service, other.users, username).catch(() => other.users.delete(username));
    await service.signUp({ username, password: NEW }, CONTEXT);
    newSessionId = (await signIn(NEW)).sessionId;
    await service.updateNickname({ sessionId: newSessionId, nickname: "new" }, CONTEXT);
    const picture = { sessionId: newSessionId, profilePath: "new.webp" };
    await service.updateProfilePic(picture, CONTEXT);
  };
  const stop = async () => {
    if (stops++ === at) await handOver();
  };
  const stores = { users: stopping(one.users, stop), sessions: stopping(one.sessions, stop) };
  const stopped = serviceOf(stores, throttle);
  const old = { username, sessionId, otherSessionId };
  const reply = await act(stopped, old).catch((error: unknown) => {
    if (error instanceof DomainError || error instanceof RpcError) return {};
    throw error;
  });
  const replied = "sessionId" in reply ? [`${reply.sessionId}`] : [];
  return { service, reply, newSessionId, oldIds: [sessionId, otherSessionId, ...replied] };
}

/** What the new owner meets of the old one, and the other way round. */
async function findings(
  { service, reply, newSessionId, oldIds }: Awaited<ReturnType<typeof actAndHandOver>>,
  username: string,
  mayEndSession: boolean,
): Promise<unknown[]> {
  const found: unknown[] = [];
  const infoOf = (sessionId: string) =>
    service.getUserInfo({ sessionId }, CONTEXT).catch(() => undefined);
  for (const id of oldIds) if (await infoOf(id)) found.push("an old session lives");
  const [id = ""] = mayEndSession && !(await infoOf(newSessionId ?? "")) ? [] : [newSessionId];
  const sessionId = id || (await service.signIn({ username, password: NEW }, CONTEXT)).sessionId;
  const profile = await infoOf(sessionId);
  const expected = { username, nickname: "new", profilePath: "new.webp" };
  if (!Bun.deepEquals(profile, expected)) found.push({ profile });
  const handle = sessionHandle(sessionId);
  const { sessions } = await service
    .listSessions({ sessionId }, CONTEXT)
    .catch(() => ({ sessions: [] }));
  if (sessions.length !== 1 || sessions[0]?.id !== handle) found.push({ sessions });
  const text = JSON.stringify(reply);
  if (text.includes(`"new`) || text.includes(handle)) found.push({ reply });
  return found;
}

/** Longer than a sign-in and a change of the owner take. */
const LEASE_MS = 1_000;

for (const { name, available, createLocation } of PAIRS) {
  // Here, nothing tells a sign-up that there was an earlier user: no session, and no cached profile.
  test.skipIf(!available)(`${name}: a sign-in while the row is deleted by SQL`, async () => {
    await using location = await createLocation();
    await using one = await open(location, { leaseMs: LEASE_MS });
    await using other = await open(location, { leaseMs: LEASE_MS });
    const throttle = await openThrottle(one, silent);
    const service = serviceOf(other, throttle);
    const credentials = { username: "grace", password: OLD };
    await service.signUp(credentials, CONTEXT);
    // By then, no mark of the sign-up is left.
    await Bun.sleep(1.2 * LEASE_MS);
    let isHandedOver = false;
    const handOver = async () => {
      if (isHandedOver) return;
      isHandedOver = true;
      await other.users.delete("grace");
      await service.signUp({ ...credentials, password: NEW }, CONTEXT);
    };
    const users = new Proxy(one.users, {
      get(target, key) {
        if (key !== "find") return Reflect.get(target, key);
        return async (username: string) => {
          const user = await target.find(username);
          await handOver();
          return user;
        };
      },
    });
    const late = serviceOf({ users, sessions: one.sessions }, throttle).signIn(
      credentials,
      CONTEXT,
    );
    await expect(late).rejects.toMatchObject({ code: "PasswordError" });
    expect(await other.sessions.list("grace")).toEqual([]);
  });

  for (const [deleted, deletion] of Object.entries(DELETIONS)) {
    test.skipIf(!available)(`${name}: an act of an old owner, deleted ${deleted}`, async () => {
      await using location = await createLocation();
      await using one = await open(location);
      await using other = await open(location);
      const servers = { one, other, throttle: await openThrottle(one, silent) };
      const all: unknown[] = [];
      let names = 0;
      for (const [actName, act] of Object.entries(ACTS)) {
        for (let at = 0; ; at++) {
          const username = `owner${names++}`;
          const done = await actAndHandOver(servers, username, act, deletion, at);
          if (done.newSessionId === undefined) {
            // It was over before its stop.
            expect(at).toBeGreaterThan(1);
            break;
          }
          // Both end all sessions of the name at last. If it has a new owner by then, who has signed
          // in, the new owner has to sign in again.
          const mayEndSession = ["deleteAccount()", "changePassword()"].includes(actName);
          for (const found of await findings(done, username, mayEndSession)) {
            all.push({ act: actName, at, found });
          }
        }
      }
      expect(all).toEqual([]);
    });
  }
}
