import { isIP } from "node:net";
import type {
  AdminService,
  Account as ShownAccount,
  CountedFailures as ShownFailures,
} from "../gen/admin.ts";
import { RpcError } from "../rpc/error.ts";
import type { CallContext } from "../rpc/method.ts";
import { audited, auditedOfUser } from "./admin-audit.ts";
import { throwIfCancelled } from "./call.ts";
import type { CountedFailures } from "./failures.ts";
import { LIMITS } from "./limits.ts";
import type { UserServiceParts } from "./parts.ts";
import { findByHandle, shownSession } from "./session-list.ts";
import type { Account } from "./stores.ts";

type Context = CallContext<"UserNotExistError">;

const DEFAULT_PAGE = 50;

/** What an operator may do with the accounts of others. Each call leaves one audit line. */
export function createAdminService(parts: UserServiceParts): AdminService {
  return {
    ...lookups(parts),
    ...passwordActs(parts),
    ...accountActs(parts),
    ...sessionActs(parts),
    liftThrottle: createLiftThrottle(parts),
  };
}

function lookups(parts: UserServiceParts): Pick<AdminService, "findUsers" | "showUser"> {
  const { users, sessions, throttle, log } = parts;
  return {
    findUsers: audited("admin_find_users", log, async ({ prefix = "", after, limit }) => {
      const size = limit ?? DEFAULT_PAGE;
      // One more than the page holds: then there is a next page.
      const accounts = await users.search(prefix, after, size + 1);
      const page = accounts.slice(0, size);
      const last = accounts.length > size ? page.at(-1) : undefined;
      return { users: page.map(shown), next: last?.username ?? null };
    }),

    showUser: auditedOfUser("admin_show_user", log, async ({ username }, context) => {
      const account = await findAccount(parts, username, context);
      const [live, failures] = await Promise.all([
        sessions.list(username),
        throttle.failuresOf(username),
      ]);
      const counted = failures.map(shownFailures);
      return { ...shown(account), sessions: live.length, failures: counted };
    }),
  };
}

function passwordActs(
  parts: UserServiceParts,
): Pick<AdminService, "setPassword" | "resetPassword"> {
  return {
    setPassword: auditedOfUser("admin_set_password", parts.log, async (request, context) => {
      await setPassword(parts, request, context);
      return {};
    }),

    resetPassword: auditedOfUser(
      "admin_reset_password",
      parts.log,
      async ({ username }, context) => {
        const password = parts.passwords.random(username);
        await setPassword(parts, { username, password }, context);
        return { password };
      },
    ),
  };
}

function accountActs(
  parts: UserServiceParts,
): Pick<AdminService, "disableUser" | "enableUser" | "deleteUser"> {
  const { users, sessions, log } = parts;
  return {
    disableUser: auditedOfUser("admin_disable_user", log, async ({ username }, context) => {
      // The sessions end with the update. A sign-in that has read the row before the update reads
      // it again after it opened its session.
      const disable = () => {
        throwIfCancelled(context, "the write");
        return users.setDisabled(username, true);
      };
      const isFound = await sessions.invalidating(username, disable, {});
      if (!isFound) throw context.error("UserNotExistError");
      return {};
    }),

    enableUser: auditedOfUser("admin_enable_user", log, async ({ username }, context) => {
      if (!(await users.setDisabled(username, false))) throw context.error("UserNotExistError");
      return {};
    }),

    deleteUser: auditedOfUser("admin_delete_user", log, async ({ username }, context) => {
      const { profilePath } = await findAccount(parts, username, context);
      const remove = () => {
        throwIfCancelled(context, "the write");
        return users.delete(username);
      };
      const isFound = await sessions.invalidating(username, remove, {});
      if (!isFound) throw context.error("UserNotExistError");
      return { profilePath };
    }),
  };
}

function sessionActs(
  parts: UserServiceParts,
): Pick<AdminService, "listSessions" | "endSession" | "endAllSessions"> {
  const { sessions, log } = parts;
  // A row that was deleted by SQL may have left sessions, and an operator must be able to end them.
  return {
    listSessions: auditedOfUser("admin_list_sessions", log, async ({ username }, context) => {
      const live = await sessions.list(username);
      if (live.length === 0) await findAccount(parts, username, context);
      return { sessions: live.map(shownSession) };
    }),

    endSession: auditedOfUser(
      "admin_end_session",
      log,
      async ({ username, id }, context) => {
        const sessionId = await findByHandle(sessions, username, id);
        const ended = sessionId === undefined ? 0 : await sessions.end(username, [sessionId]);
        if (ended > 0) return {};
        await findAccount(parts, username, context);
        throw mistake("id: must be the id of one of the user's sessions");
      },
      ({ id }) => ({ session: id }),
    ),

    endAllSessions: auditedOfUser(
      "admin_end_all_sessions",
      log,
      async ({ username }, context) => {
        const ended = await sessions.endAll(username);
        if (ended === 0) await findAccount(parts, username, context);
        return { ended };
      },
      (_request, { ended }) => ({ ended }),
    ),
  };
}

function createLiftThrottle(parts: UserServiceParts): AdminService["liftThrottle"] {
  const { throttle, log } = parts;
  return audited(
    "admin_lift_throttle",
    log,
    async ({ username, address }, context) => {
      if (username === undefined && address === undefined) {
        throw mistake("username or address: required");
      }
      // First of all: the line of a later failure has the name.
      if (username !== undefined) await findAccount(parts, username, context);
      if (address !== undefined && !isIP(address)) throw mistake("address: must be an IP address");
      if (username !== undefined) await throttle.lift(username);
      if (address !== undefined) await throttle.liftAddress(address);
      return {};
    },
    ({ address }) => ({ target: address }),
    ({ username }) => username,
  );
}

function mistake(message: string): RpcError {
  return new RpcError("invalid_argument", message, { processed: false });
}

async function findAccount(
  { users }: UserServiceParts,
  username: string,
  context: Context,
): Promise<Account> {
  const account = await users.findAccount(username);
  if (!account) throw context.error("UserNotExistError");
  return account;
}

/** Once this resolves, no session lives that was opened with the old password. */
async function setPassword(
  parts: UserServiceParts,
  { username, password }: { readonly username: string; readonly password: string },
  context: Context,
): Promise<void> {
  const { users, sessions, passwords } = parts;
  // A hash is costly. Do not make one for a name that was mistyped.
  await findAccount(parts, username, context);
  passwords.throwIfRefused("password", password, username);
  const stored = await passwords.hash(password, context);
  const replace = () => {
    throwIfCancelled(context, "the write");
    return users.setPassword(username, stored);
  };
  const isFound = await sessions.invalidating(username, replace, {});
  if (!isFound) throw context.error("UserNotExistError");
}

function shown({ disabledAt, ...account }: Account): ShownAccount {
  return { ...account, disabledAt: disabledAt ?? null };
}

const LIMITS_OF_NETWORKS: readonly string[] = [
  LIMITS.network.name,
  LIMITS.reserve.name,
  LIMITS.siteReserve.name,
];

function shownFailures({ counter, failures, blockedMs }: CountedFailures): ShownFailures {
  const { limit, detail } = counter;
  return {
    reason: limit.name,
    ...(LIMITS_OF_NETWORKS.includes(limit.name) && { network: detail }),
    failures,
    refusedUntil: blockedMs > 0 ? new Date(Date.now() + blockedMs).toISOString() : null,
  };
}
