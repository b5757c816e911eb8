// @generated from schema/admin.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/admin.ts";
import {
  type CallContext,
  type Caller,
  type CallOptions,
  type DispatchTable,
  dispatchTable,
  entry,
  type Method,
  type Validator,
} from "../rpc/method.ts";

/** A user, without the password. From `Account` in schema/admin.ts. */
export interface Account {
  readonly username: string;
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
  /** The sign-up, ISO 8601 in UTC. */
  readonly createdAt: string;
  /** The last change of the row, ISO 8601 in UTC. */
  readonly modifiedAt: string;
  /** When the user was disabled, ISO 8601 in UTC; null if the user is enabled. */
  readonly disabledAt: string | null;
}

/** The check of `Account` in schema/admin.ts. */
export const Account: Validator<Account> = TypeCompiler.Compile(schema.Account);

/** A live session of a user. From `AccountSession` in schema/admin.ts. */
export interface AccountSession {
  /** Names the session in endSession. It is not the session's cookie. */
  readonly id: string;
  /** The sign-in, ISO 8601 in UTC. */
  readonly createdAt: string;
  /** When the session ends by itself, ISO 8601 in UTC. */
  readonly expiresAt: string;
  /** The User-Agent of the sign-in; may be empty. */
  readonly device: string;
  /** The network of the sign-in; may be empty. */
  readonly address: string;
}

/** The check of `AccountSession` in schema/admin.ts. */
export const AccountSession: Validator<AccountSession> = TypeCompiler.Compile(
  schema.AccountSession,
);

/** The live sessions of a user. From `AccountSessions` in schema/admin.ts. */
export interface AccountSessions {
  /** Newest first. */
  readonly sessions: readonly AccountSession[];
}

/** The check of `AccountSessions` in schema/admin.ts. */
export const AccountSessions: Validator<AccountSessions> = TypeCompiler.Compile(
  schema.AccountSessions,
);

/** A count of failures to sign in to an account. From `CountedFailures` in schema/admin.ts. */
export interface CountedFailures {
  /** What is counted together, as in audit lines. */
  readonly reason: string;
  /** Of `network`, `reserve` and `site_reserve`: where the failures come from. */
  readonly network?: string;
  /** How many count now. They are forgotten one by one. */
  readonly failures: number;
  /** When the next attempt is allowed, ISO 8601 in UTC; null if it is allowed now. */
  readonly refusedUntil: string | null;
}

/** The check of `CountedFailures` in schema/admin.ts. */
export const CountedFailures: Validator<CountedFailures> = TypeCompiler.Compile(
  schema.CountedFailures,
);

/** What is left of a deleted user. From `DeletedUser` in schema/admin.ts. */
export interface DeletedUser {
  /**
   * The picture of the user. The daily sweep removes it, as `bun run sweep` does. The default
   * picture stays.
   */
  readonly profilePath: string;
}

/** The check of `DeletedUser` in schema/admin.ts. */
export const DeletedUser: Validator<DeletedUser> = TypeCompiler.Compile(schema.DeletedUser);

/** An empty reply: it is done. From `Done` in schema/admin.ts. */
export type Done = Record<string, never>;

/** The check of `Done` in schema/admin.ts. */
export const Done: Validator<Done> = TypeCompiler.Compile(schema.Done);

/** How many sessions ended. From `EndedSessions` in schema/admin.ts. */
export interface EndedSessions {
  /** How many sessions lived until now. */
  readonly ended: number;
}

/** The check of `EndedSessions` in schema/admin.ts. */
export const EndedSessions: Validator<EndedSessions> = TypeCompiler.Compile(schema.EndedSessions);

/** One page of users. From `FoundUsers` in schema/admin.ts. */
export interface FoundUsers {
  /** In the order of the usernames, byte by byte. */
  readonly users: readonly Account[];
  /** The `after` of the next page; null if there is none. */
  readonly next: string | null;
}

/** The check of `FoundUsers` in schema/admin.ts. */
export const FoundUsers: Validator<FoundUsers> = TypeCompiler.Compile(schema.FoundUsers);

/** The password that was made. From `MadePassword` in schema/admin.ts. */
export interface MadePassword {
  /** Shown only here: Portico stores only its hash. */
  readonly password: string;
}

/** The check of `MadePassword` in schema/admin.ts. */
export const MadePassword: Validator<MadePassword> = TypeCompiler.Compile(schema.MadePassword);

/** A user and the new password. From `NewPassword` in schema/admin.ts. */
export interface NewPassword {
  /** The name of the user, compared byte for byte. */
  readonly username: string;
  /** 4 to 13 printable code points, NFC. */
  readonly password: string;
}

/** The check of `NewPassword` in schema/admin.ts. */
export const NewPassword: Validator<NewPassword> = TypeCompiler.Compile(schema.NewPassword);

/** One session of a user. From `SessionOfUser` in schema/admin.ts. */
export interface SessionOfUser {
  /** The name of the user, compared byte for byte. */
  readonly username: string;
  /** An `id` of listSessions. */
  readonly id: string;
}

/** The check of `SessionOfUser` in schema/admin.ts. */
export const SessionOfUser: Validator<SessionOfUser> = TypeCompiler.Compile(schema.SessionOfUser);

/** One user in full. From `ShownUser` in schema/admin.ts. */
export interface ShownUser {
  readonly username: string;
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
  /** The sign-up, ISO 8601 in UTC. */
  readonly createdAt: string;
  /** The last change of the row, ISO 8601 in UTC. */
  readonly modifiedAt: string;
  /** When the user was disabled, ISO 8601 in UTC; null if the user is enabled. */
  readonly disabledAt: string | null;
  /** How many live sessions the user has. */
  readonly sessions: number;
  /**
   * The failures that count now: those from everywhere, and those of single networks, devices and
   * sessions that this server knows of. At most 100.
   */
  readonly failures: readonly CountedFailures[];
}

/** The check of `ShownUser` in schema/admin.ts. */
export const ShownUser: Validator<ShownUser> = TypeCompiler.Compile(schema.ShownUser);

/** A user, an address, or both. From `Throttled` in schema/admin.ts. */
export interface Throttled {
  /** The name of the user, compared byte for byte. */
  readonly username?: string;
  /** An IP address. */
  readonly address?: string;
}

/** The check of `Throttled` in schema/admin.ts. */
export const Throttled: Validator<Throttled> = TypeCompiler.Compile(schema.Throttled);

/** A user, by the username. From `UserRef` in schema/admin.ts. */
export interface UserRef {
  /** The name of the user, compared byte for byte. */
  readonly username: string;
}

/** The check of `UserRef` in schema/admin.ts. */
export const UserRef: Validator<UserRef> = TypeCompiler.Compile(schema.UserRef);

/** Which users, and which page of them. From `UserSearch` in schema/admin.ts. */
export interface UserSearch {
  /** How the usernames begin. Without it, all users are found. */
  readonly prefix?: string;
  /** The `next` of the page before. Without it, the first page. */
  readonly after?: string;
  /** Users on a page. Default: 50. */
  readonly limit?: number;
}

/** The check of `UserSearch` in schema/admin.ts. */
export const UserSearch: Validator<UserSearch> = TypeCompiler.Compile(schema.UserSearch);

/**
 * Find users by the beginning of the username, page by page.
 * From `AdminContract.findUsers` in schema/admin.ts.
 */
export const FIND_USERS: Method<UserSearch, FoundUsers, never> = {
  name: "Admin.findUsers",
  summary: "Find users by the beginning of the username, page by page.",
  number: 101,
  hash: "9f0aefe50221d7f3",
  idempotent: true,
  errors: [],
  callers: ["admin"],
  request: UserSearch,
  reply: FoundUsers,
};

/** Show one user. From `AdminContract.showUser` in schema/admin.ts. */
export const SHOW_USER: Method<UserRef, ShownUser, "UserNotExistError"> = {
  name: "Admin.showUser",
  summary: "Show one user.",
  number: 102,
  hash: "e27b6c4a629f42c0",
  olderHashes: ["87fd9d7e47866015"],
  idempotent: true,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: ShownUser,
};

/**
 * Set the password of a user, and end all sessions of the user.
 * From `AdminContract.setPassword` in schema/admin.ts.
 */
export const SET_PASSWORD: Method<NewPassword, Done, "UserNotExistError"> = {
  name: "Admin.setPassword",
  summary: "Set the password of a user, and end all sessions of the user.",
  number: 103,
  hash: "a72771f8c1fa5cb7",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: NewPassword,
  reply: Done,
};

/**
 * Make a new password for a user, show it once, and end all sessions of the user.
 * From `AdminContract.resetPassword` in schema/admin.ts.
 */
export const RESET_PASSWORD: Method<UserRef, MadePassword, "UserNotExistError"> = {
  name: "Admin.resetPassword",
  summary: "Make a new password for a user, show it once, and end all sessions of the user.",
  number: 104,
  hash: "86801c4cf9d15b93",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: MadePassword,
};

/**
 * Disable a user: the sessions end, and sign-in answers UserNotExistError.
 * From `AdminContract.disableUser` in schema/admin.ts.
 */
export const DISABLE_USER: Method<UserRef, Done, "UserNotExistError"> = {
  name: "Admin.disableUser",
  summary: "Disable a user: the sessions end, and sign-in answers UserNotExistError.",
  number: 105,
  hash: "5545f8d7c9e2cf99",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: Done,
};

/**
 * Enable a disabled user: sign-in works again, with the same password.
 * From `AdminContract.enableUser` in schema/admin.ts.
 */
export const ENABLE_USER: Method<UserRef, Done, "UserNotExistError"> = {
  name: "Admin.enableUser",
  summary: "Enable a disabled user: sign-in works again, with the same password.",
  number: 106,
  hash: "7a42d5618b649ee1",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: Done,
};

/** List the live sessions of a user. From `AdminContract.listSessions` in schema/admin.ts. */
export const LIST_SESSIONS: Method<UserRef, AccountSessions, "UserNotExistError"> = {
  name: "Admin.listSessions",
  summary: "List the live sessions of a user.",
  number: 107,
  hash: "1b859c149cb66b31",
  idempotent: true,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: AccountSessions,
};

/** End one session of a user. From `AdminContract.endSession` in schema/admin.ts. */
export const END_SESSION: Method<SessionOfUser, Done, "UserNotExistError"> = {
  name: "Admin.endSession",
  summary: "End one session of a user.",
  number: 108,
  hash: "2b423c67e77d0908",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: SessionOfUser,
  reply: Done,
};

/** End all sessions of a user. From `AdminContract.endAllSessions` in schema/admin.ts. */
export const END_ALL_SESSIONS: Method<UserRef, EndedSessions, "UserNotExistError"> = {
  name: "Admin.endAllSessions",
  summary: "End all sessions of a user.",
  number: 109,
  hash: "c3f74bbd37951d4c",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: EndedSessions,
};

/**
 * Delete a user for ever, with all sessions. The name is free again.
 * From `AdminContract.deleteUser` in schema/admin.ts.
 */
export const DELETE_USER: Method<UserRef, DeletedUser, "UserNotExistError"> = {
  name: "Admin.deleteUser",
  summary: "Delete a user for ever, with all sessions. The name is free again.",
  number: 110,
  hash: "75bdc1ac64363339",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: UserRef,
  reply: DeletedUser,
};

/**
 * Forget the failed sign-ins of a user, of an IP address, or of both.
 * From `AdminContract.liftThrottle` in schema/admin.ts.
 */
export const LIFT_THROTTLE: Method<Throttled, Done, "UserNotExistError"> = {
  name: "Admin.liftThrottle",
  summary: "Forget the failed sign-ins of a user, of an IP address, or of both.",
  number: 111,
  hash: "58d6ea1e07b6eab4",
  idempotent: false,
  errors: ["UserNotExistError"],
  callers: ["admin"],
  request: Throttled,
  reply: Done,
};

/** Calls the methods of Admin. From `AdminContract` in schema/admin.ts. */
export class AdminClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Find users by the beginning of the username, page by page. Callers: admin. */
  findUsers(request: UserSearch, options?: CallOptions): Promise<FoundUsers> {
    return this.#caller.call(FIND_USERS, request, options);
  }

  /** Show one user. Errors: UserNotExistError. Callers: admin. */
  showUser(request: UserRef, options?: CallOptions): Promise<ShownUser> {
    return this.#caller.call(SHOW_USER, request, options);
  }

  /**
   * Set the password of a user, and end all sessions of the user.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  setPassword(request: NewPassword, options?: CallOptions): Promise<Done> {
    return this.#caller.call(SET_PASSWORD, request, options);
  }

  /**
   * Make a new password for a user, show it once, and end all sessions of the user.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  resetPassword(request: UserRef, options?: CallOptions): Promise<MadePassword> {
    return this.#caller.call(RESET_PASSWORD, request, options);
  }

  /**
   * Disable a user: the sessions end, and sign-in answers UserNotExistError.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  disableUser(request: UserRef, options?: CallOptions): Promise<Done> {
    return this.#caller.call(DISABLE_USER, request, options);
  }

  /**
   * Enable a disabled user: sign-in works again, with the same password.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  enableUser(request: UserRef, options?: CallOptions): Promise<Done> {
    return this.#caller.call(ENABLE_USER, request, options);
  }

  /** List the live sessions of a user. Errors: UserNotExistError. Callers: admin. */
  listSessions(request: UserRef, options?: CallOptions): Promise<AccountSessions> {
    return this.#caller.call(LIST_SESSIONS, request, options);
  }

  /** End one session of a user. Errors: UserNotExistError. Callers: admin. */
  endSession(request: SessionOfUser, options?: CallOptions): Promise<Done> {
    return this.#caller.call(END_SESSION, request, options);
  }

  /** End all sessions of a user. Errors: UserNotExistError. Callers: admin. */
  endAllSessions(request: UserRef, options?: CallOptions): Promise<EndedSessions> {
    return this.#caller.call(END_ALL_SESSIONS, request, options);
  }

  /**
   * Delete a user for ever, with all sessions. The name is free again.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  deleteUser(request: UserRef, options?: CallOptions): Promise<DeletedUser> {
    return this.#caller.call(DELETE_USER, request, options);
  }

  /**
   * Forget the failed sign-ins of a user, of an IP address, or of both.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  liftThrottle(request: Throttled, options?: CallOptions): Promise<Done> {
    return this.#caller.call(LIFT_THROTTLE, request, options);
  }
}

/** What a server of Admin does. From `AdminContract` in schema/admin.ts. */
export interface AdminService {
  /** Find users by the beginning of the username, page by page. Callers: admin. */
  findUsers(request: UserSearch, context: CallContext<never>): Promise<FoundUsers>;

  /** Show one user. Errors: UserNotExistError. Callers: admin. */
  showUser(request: UserRef, context: CallContext<"UserNotExistError">): Promise<ShownUser>;

  /**
   * Set the password of a user, and end all sessions of the user.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  setPassword(request: NewPassword, context: CallContext<"UserNotExistError">): Promise<Done>;

  /**
   * Make a new password for a user, show it once, and end all sessions of the user.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  resetPassword(request: UserRef, context: CallContext<"UserNotExistError">): Promise<MadePassword>;

  /**
   * Disable a user: the sessions end, and sign-in answers UserNotExistError.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  disableUser(request: UserRef, context: CallContext<"UserNotExistError">): Promise<Done>;

  /**
   * Enable a disabled user: sign-in works again, with the same password.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  enableUser(request: UserRef, context: CallContext<"UserNotExistError">): Promise<Done>;

  /** List the live sessions of a user. Errors: UserNotExistError. Callers: admin. */
  listSessions(
    request: UserRef,
    context: CallContext<"UserNotExistError">,
  ): Promise<AccountSessions>;

  /** End one session of a user. Errors: UserNotExistError. Callers: admin. */
  endSession(request: SessionOfUser, context: CallContext<"UserNotExistError">): Promise<Done>;

  /** End all sessions of a user. Errors: UserNotExistError. Callers: admin. */
  endAllSessions(
    request: UserRef,
    context: CallContext<"UserNotExistError">,
  ): Promise<EndedSessions>;

  /**
   * Delete a user for ever, with all sessions. The name is free again.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  deleteUser(request: UserRef, context: CallContext<"UserNotExistError">): Promise<DeletedUser>;

  /**
   * Forget the failed sign-ins of a user, of an IP address, or of both.
   * Errors: UserNotExistError.
   * Callers: admin.
   */
  liftThrottle(request: Throttled, context: CallContext<"UserNotExistError">): Promise<Done>;
}

/** What a Listener runs for each call of Admin. From `AdminContract` in schema/admin.ts. */
export function adminDispatch(service: AdminService): DispatchTable {
  return dispatchTable(service, [
    entry(FIND_USERS, (request, context) => service.findUsers(request, context)),
    entry(SHOW_USER, (request, context) => service.showUser(request, context)),
    entry(SET_PASSWORD, (request, context) => service.setPassword(request, context)),
    entry(RESET_PASSWORD, (request, context) => service.resetPassword(request, context)),
    entry(DISABLE_USER, (request, context) => service.disableUser(request, context)),
    entry(ENABLE_USER, (request, context) => service.enableUser(request, context)),
    entry(LIST_SESSIONS, (request, context) => service.listSessions(request, context)),
    entry(END_SESSION, (request, context) => service.endSession(request, context)),
    entry(END_ALL_SESSIONS, (request, context) => service.endAllSessions(request, context)),
    entry(DELETE_USER, (request, context) => service.deleteUser(request, context)),
    entry(LIFT_THROTTLE, (request, context) => service.liftThrottle(request, context)),
  ]);
}
