// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/user.ts";
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

/**
 * Everything that is stored about a user, without the password's hash.
 * From `AccountData` in schema/user.ts.
 */
export interface AccountData {
  /** The username of the sign-up, which never changes. */
  readonly username: string;
  /** At first the beginning of the username; the user can change it. */
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
  /** The sign-up. ISO 8601 in UTC. */
  readonly createdAt: string;
  /** The last change of the profile or the password. ISO 8601 in UTC. */
  readonly modifiedAt: string;
  /** Newest first. */
  readonly sessions: readonly SessionInfo[];
}

/** The check of `AccountData` in schema/user.ts. */
export const AccountData: Validator<AccountData> = TypeCompiler.Compile(schema.AccountData);

/** The session's user, who wants to be deleted. From `AccountDeletion` in schema/user.ts. */
export interface AccountDeletion {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** 4 to 13 printable code points, NFC. */
  readonly password: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
  readonly client?: Client;
}

/** The check of `AccountDeletion` in schema/user.ts. */
export const AccountDeletion: Validator<AccountDeletion> = TypeCompiler.Compile(
  schema.AccountDeletion,
);

/**
 * What the HTTP tier knows of a browser. It never comes from a body.
 * From `Client` in schema/user.ts.
 */
export interface Client {
  /** The IP address of the browser. */
  readonly address: string;
  /** The beginning of its User-Agent. */
  readonly userAgent?: string;
  /** What earlier sign-ins replied as `deviceId`. The first valid one of the user counts. */
  readonly deviceIds?: readonly string[];
  /** The sessions that the browser has. A sign-in ends those of its user. */
  readonly sessionIds?: readonly string[];
}

/** The check of `Client` in schema/user.ts. */
export const Client: Validator<Client> = TypeCompiler.Compile(schema.Client);

/** The username and password of a user. From `Credentials` in schema/user.ts. */
export interface Credentials {
  /** 4 to 13 code points, NFC: letters and digits of any script, and _ - . */
  readonly username: string;
  /** 4 to 13 printable code points, NFC. */
  readonly password: string;
  readonly client?: Client;
}

/** The check of `Credentials` in schema/user.ts. */
export const Credentials: Validator<Credentials> = TypeCompiler.Compile(schema.Credentials);

/** The picture that the deleted user had. From `DeletedAccount` in schema/user.ts. */
export interface DeletedAccount {
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
}

/** The check of `DeletedAccount` in schema/user.ts. */
export const DeletedAccount: Validator<DeletedAccount> = TypeCompiler.Compile(
  schema.DeletedAccount,
);

/** An empty reply: the method has succeeded. From `Empty` in schema/user.ts. */
export type Empty = Record<string, never>;

/** The check of `Empty` in schema/user.ts. */
export const Empty: Validator<Empty> = TypeCompiler.Compile(schema.Empty);

/** Sessions have ended. From `EndedSessions` in schema/user.ts. */
export interface EndedSessions {
  /** How many sessions have ended. */
  readonly ended: number;
}

/** The check of `EndedSessions` in schema/user.ts. */
export const EndedSessions: Validator<EndedSessions> = TypeCompiler.Compile(schema.EndedSessions);

/** The new nickname of the session's user. From `NicknameUpdate` in schema/user.ts. */
export interface NicknameUpdate {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** 1 to 8 printable code points, NFC, one of which can be seen. */
  readonly nickname: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
}

/** The check of `NicknameUpdate` in schema/user.ts. */
export const NicknameUpdate: Validator<NicknameUpdate> = TypeCompiler.Compile(
  schema.NicknameUpdate,
);

/** The session that does not end. From `OtherSessions` in schema/user.ts. */
export interface OtherSessions {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
  readonly client?: Client;
}

/** The check of `OtherSessions` in schema/user.ts. */
export const OtherSessions: Validator<OtherSessions> = TypeCompiler.Compile(schema.OtherSessions);

/** A session, and the browser that has it. From `OwnSession` in schema/user.ts. */
export interface OwnSession {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  readonly client?: Client;
}

/** The check of `OwnSession` in schema/user.ts. */
export const OwnSession: Validator<OwnSession> = TypeCompiler.Compile(schema.OwnSession);

/** The new password of the session's user. From `PasswordChange` in schema/user.ts. */
export interface PasswordChange {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** 4 to 13 printable code points, NFC. */
  readonly oldPassword: string;
  /** 4 to 13 printable code points, NFC. */
  readonly newPassword: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
  readonly client?: Client;
}

/** The check of `PasswordChange` in schema/user.ts. */
export const PasswordChange: Validator<PasswordChange> = TypeCompiler.Compile(
  schema.PasswordChange,
);

/** Pictures that may be unused. From `PictureNames` in schema/user.ts. */
export interface PictureNames {
  /** Bare file names of pictures. */
  readonly profilePaths: readonly string[];
}

/** The check of `PictureNames` in schema/user.ts. */
export const PictureNames: Validator<PictureNames> = TypeCompiler.Compile(schema.PictureNames);

/** The profile of a user. From `Profile` in schema/user.ts. */
export interface Profile {
  /** The username of the sign-up, which never changes. */
  readonly username: string;
  /** At first the beginning of the username; the user can change it. */
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
}

/** The check of `Profile` in schema/user.ts. */
export const Profile: Validator<Profile> = TypeCompiler.Compile(schema.Profile);

/** The new picture of the session's user. From `ProfilePicUpdate` in schema/user.ts. */
export interface ProfilePicUpdate {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** Bare file name of a picture that is already stored. */
  readonly profilePath: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
}

/** The check of `ProfilePicUpdate` in schema/user.ts. */
export const ProfilePicUpdate: Validator<ProfilePicUpdate> = TypeCompiler.Compile(
  schema.ProfilePicUpdate,
);

/** The session has ended. From `SessionEnd` in schema/user.ts. */
export interface SessionEnd {
  /** Whether it was the session of the request. */
  readonly current: boolean;
}

/** The check of `SessionEnd` in schema/user.ts. */
export const SessionEnd: Validator<SessionEnd> = TypeCompiler.Compile(schema.SessionEnd);

/** Which session of the user ends. From `SessionEnding` in schema/user.ts. */
export interface SessionEnding {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** must be the id of one of your sessions */
  readonly id: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
  readonly client?: Client;
}

/** The check of `SessionEnding` in schema/user.ts. */
export const SessionEnding: Validator<SessionEnding> = TypeCompiler.Compile(schema.SessionEnding);

/** A session as its user sees it. From `SessionInfo` in schema/user.ts. */
export interface SessionInfo {
  /** Names the session in lists. It is no session id: it opens nothing. */
  readonly id: string;
  /** Whether it is the session of the request. */
  readonly current: boolean;
  /** The sign-in. ISO 8601 in UTC. */
  readonly createdAt: string;
  /** When the session ends by itself. ISO 8601 in UTC. */
  readonly expiresAt: string;
  /** The User-Agent of the sign-in; empty if there was none. */
  readonly device: string;
  /** The network of the sign-in; empty if it is not known. */
  readonly address: string;
}

/** The check of `SessionInfo` in schema/user.ts. */
export const SessionInfo: Validator<SessionInfo> = TypeCompiler.Compile(schema.SessionInfo);

/** The sessions of a user. From `SessionList` in schema/user.ts. */
export interface SessionList {
  /** Newest first. */
  readonly sessions: readonly SessionInfo[];
}

/** The check of `SessionList` in schema/user.ts. */
export const SessionList: Validator<SessionList> = TypeCompiler.Compile(schema.SessionList);

/** A session, by its id. From `SessionRef` in schema/user.ts. */
export interface SessionRef {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
}

/** The check of `SessionRef` in schema/user.ts. */
export const SessionRef: Validator<SessionRef> = TypeCompiler.Compile(schema.SessionRef);

/** The session that a sign-in has begun. From `SignedIn` in schema/user.ts. */
export interface SignedIn {
  /** Any string. If it names no session, the answer is InvalidSessionError. */
  readonly sessionId: string;
  /** For the next sign-ins of this browser, if it had none. */
  readonly deviceId?: string;
}

/** The check of `SignedIn` in schema/user.ts. */
export const SignedIn: Validator<SignedIn> = TypeCompiler.Compile(schema.SignedIn);

/** Pictures that can be removed. From `UnusedPictures` in schema/user.ts. */
export interface UnusedPictures {
  /** The pictures that no profile uses. */
  readonly unused: readonly string[];
}

/** The check of `UnusedPictures` in schema/user.ts. */
export const UnusedPictures: Validator<UnusedPictures> = TypeCompiler.Compile(
  schema.UnusedPictures,
);

/** The nickname after the update. From `UpdatedNickname` in schema/user.ts. */
export interface UpdatedNickname {
  /** The nickname that was saved. */
  readonly nickname: string;
}

/** The check of `UpdatedNickname` in schema/user.ts. */
export const UpdatedNickname: Validator<UpdatedNickname> = TypeCompiler.Compile(
  schema.UpdatedNickname,
);

/** Create a user. From `UserContract.signUp` in schema/user.ts. */
export const SIGN_UP: Method<Credentials, Empty, "UserExistedError"> = {
  name: "User.signUp",
  summary: "Create a user.",
  number: 1,
  hash: "b5954fc4d1c94f90",
  olderHashes: ["103c4ca7c1529b34"],
  idempotent: false,
  errors: ["UserExistedError"],
  request: Credentials,
  reply: Empty,
};

/** Exchange credentials for a session. From `UserContract.signIn` in schema/user.ts. */
export const SIGN_IN: Method<Credentials, SignedIn, "UserNotExistError" | "PasswordError"> = {
  name: "User.signIn",
  summary: "Exchange credentials for a session.",
  number: 2,
  hash: "de770866110a1161",
  olderHashes: ["d3a7a096dc629489"],
  idempotent: false,
  errors: ["UserNotExistError", "PasswordError"],
  request: Credentials,
  reply: SignedIn,
};

/** End a session. From `UserContract.signOut` in schema/user.ts. */
export const SIGN_OUT: Method<OwnSession, Empty, "InvalidSessionError"> = {
  name: "User.signOut",
  summary: "End a session.",
  number: 3,
  hash: "38a7b80ee0551648",
  olderHashes: ["d77e148675261f2c"],
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: OwnSession,
  reply: Empty,
};

/**
 * Read the profile that a session belongs to.
 * From `UserContract.getUserInfo` in schema/user.ts.
 */
export const GET_USER_INFO: Method<
  SessionRef,
  Profile,
  "InvalidSessionError" | "UserNotExistError"
> = {
  name: "User.getUserInfo",
  summary: "Read the profile that a session belongs to.",
  number: 4,
  hash: "d59a64f93975b937",
  idempotent: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: SessionRef,
  reply: Profile,
};

/**
 * Change the nickname of the session's user.
 * From `UserContract.updateNickname` in schema/user.ts.
 */
export const UPDATE_NICKNAME: Method<
  NicknameUpdate,
  UpdatedNickname,
  "InvalidSessionError" | "UserNotExistError"
> = {
  name: "User.updateNickname",
  summary: "Change the nickname of the session's user.",
  number: 5,
  hash: "7f99697f823a68a2",
  olderHashes: ["ec8ee79e01196205", "76814781961ac950"],
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: NicknameUpdate,
  reply: UpdatedNickname,
};

/**
 * Set the picture of the session's user to one that is already stored.
 * From `UserContract.updateProfilePic` in schema/user.ts.
 */
export const UPDATE_PROFILE_PIC: Method<
  ProfilePicUpdate,
  Empty,
  "InvalidSessionError" | "UserNotExistError"
> = {
  name: "User.updateProfilePic",
  summary: "Set the picture of the session's user to one that is already stored.",
  number: 6,
  hash: "5d7e6d6f57c9ab54",
  olderHashes: ["ea21a9819c6d37af"],
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: ProfilePicUpdate,
  reply: Empty,
};

/** List the sessions of the session's user. From `UserContract.listSessions` in schema/user.ts. */
export const LIST_SESSIONS: Method<SessionRef, SessionList, "InvalidSessionError"> = {
  name: "User.listSessions",
  summary: "List the sessions of the session's user.",
  number: 7,
  hash: "04aaa40966fef719",
  idempotent: true,
  errors: ["InvalidSessionError"],
  request: SessionRef,
  reply: SessionList,
};

/** End one session of the session's user. From `UserContract.endSession` in schema/user.ts. */
export const END_SESSION: Method<SessionEnding, SessionEnd, "InvalidSessionError"> = {
  name: "User.endSession",
  summary: "End one session of the session's user.",
  number: 8,
  hash: "7484934c98423b6a",
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: SessionEnding,
  reply: SessionEnd,
};

/**
 * End all sessions of the session's user but this one.
 * From `UserContract.endOtherSessions` in schema/user.ts.
 */
export const END_OTHER_SESSIONS: Method<OtherSessions, EndedSessions, "InvalidSessionError"> = {
  name: "User.endOtherSessions",
  summary: "End all sessions of the session's user but this one.",
  number: 9,
  hash: "d20de7a0175de126",
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: OtherSessions,
  reply: EndedSessions,
};

/**
 * Change the password of the session's user, and end all sessions but a new one.
 * From `UserContract.changePassword` in schema/user.ts.
 */
export const CHANGE_PASSWORD: Method<
  PasswordChange,
  SessionRef,
  "InvalidSessionError" | "UserNotExistError" | "PasswordError"
> = {
  name: "User.changePassword",
  summary: "Change the password of the session's user, and end all sessions but a new one.",
  number: 10,
  hash: "eb65876b5d5e2db5",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  request: PasswordChange,
  reply: SessionRef,
};

/** Delete the session's user. From `UserContract.deleteAccount` in schema/user.ts. */
export const DELETE_ACCOUNT: Method<
  AccountDeletion,
  DeletedAccount,
  "InvalidSessionError" | "UserNotExistError" | "PasswordError"
> = {
  name: "User.deleteAccount",
  summary: "Delete the session's user.",
  number: 11,
  hash: "faa9cf029268d9b9",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  request: AccountDeletion,
  reply: DeletedAccount,
};

/**
 * Read everything that is stored about the session's user.
 * From `UserContract.exportMyData` in schema/user.ts.
 */
export const EXPORT_MY_DATA: Method<
  OwnSession,
  AccountData,
  "InvalidSessionError" | "UserNotExistError"
> = {
  name: "User.exportMyData",
  summary: "Read everything that is stored about the session's user.",
  number: 12,
  hash: "daf0748c6a1f99b0",
  olderHashes: ["96a44126c160881a"],
  idempotent: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: OwnSession,
  reply: AccountData,
};

/**
 * Find the pictures that no profile uses.
 * From `UserContract.findUnusedPictures` in schema/user.ts.
 */
export const FIND_UNUSED_PICTURES: Method<PictureNames, UnusedPictures, never> = {
  name: "User.findUnusedPictures",
  summary: "Find the pictures that no profile uses.",
  number: 100,
  hash: "78e4577d7cedbe4b",
  idempotent: true,
  errors: [],
  request: PictureNames,
  reply: UnusedPictures,
};

/** Calls the methods of User. From `UserContract` in schema/user.ts. */
export class UserClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Create a user. Errors: UserExistedError. */
  signUp(request: Credentials, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(SIGN_UP, request, options);
  }

  /** Exchange credentials for a session. Errors: UserNotExistError, PasswordError. */
  signIn(request: Credentials, options?: CallOptions): Promise<SignedIn> {
    return this.#caller.call(SIGN_IN, request, options);
  }

  /** End a session. Errors: InvalidSessionError. */
  signOut(request: OwnSession, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(SIGN_OUT, request, options);
  }

  /** Read the profile that a session belongs to. Errors: InvalidSessionError, UserNotExistError. */
  getUserInfo(request: SessionRef, options?: CallOptions): Promise<Profile> {
    return this.#caller.call(GET_USER_INFO, request, options);
  }

  /** Change the nickname of the session's user. Errors: InvalidSessionError, UserNotExistError. */
  updateNickname(request: NicknameUpdate, options?: CallOptions): Promise<UpdatedNickname> {
    return this.#caller.call(UPDATE_NICKNAME, request, options);
  }

  /**
   * Set the picture of the session's user to one that is already stored.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  updateProfilePic(request: ProfilePicUpdate, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(UPDATE_PROFILE_PIC, request, options);
  }

  /** List the sessions of the session's user. Errors: InvalidSessionError. */
  listSessions(request: SessionRef, options?: CallOptions): Promise<SessionList> {
    return this.#caller.call(LIST_SESSIONS, request, options);
  }

  /** End one session of the session's user. Errors: InvalidSessionError. */
  endSession(request: SessionEnding, options?: CallOptions): Promise<SessionEnd> {
    return this.#caller.call(END_SESSION, request, options);
  }

  /** End all sessions of the session's user but this one. Errors: InvalidSessionError. */
  endOtherSessions(request: OtherSessions, options?: CallOptions): Promise<EndedSessions> {
    return this.#caller.call(END_OTHER_SESSIONS, request, options);
  }

  /**
   * Change the password of the session's user, and end all sessions but a new one.
   * Errors: InvalidSessionError, UserNotExistError, PasswordError.
   */
  changePassword(request: PasswordChange, options?: CallOptions): Promise<SessionRef> {
    return this.#caller.call(CHANGE_PASSWORD, request, options);
  }

  /** Delete the session's user. Errors: InvalidSessionError, UserNotExistError, PasswordError. */
  deleteAccount(request: AccountDeletion, options?: CallOptions): Promise<DeletedAccount> {
    return this.#caller.call(DELETE_ACCOUNT, request, options);
  }

  /**
   * Read everything that is stored about the session's user.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  exportMyData(request: OwnSession, options?: CallOptions): Promise<AccountData> {
    return this.#caller.call(EXPORT_MY_DATA, request, options);
  }

  /** Find the pictures that no profile uses. */
  findUnusedPictures(request: PictureNames, options?: CallOptions): Promise<UnusedPictures> {
    return this.#caller.call(FIND_UNUSED_PICTURES, request, options);
  }
}

/** What a server of User does. From `UserContract` in schema/user.ts. */
export interface UserService {
  /** Create a user. Errors: UserExistedError. */
  signUp(request: Credentials, context: CallContext<"UserExistedError">): Promise<Empty>;

  /** Exchange credentials for a session. Errors: UserNotExistError, PasswordError. */
  signIn(
    request: Credentials,
    context: CallContext<"UserNotExistError" | "PasswordError">,
  ): Promise<SignedIn>;

  /** End a session. Errors: InvalidSessionError. */
  signOut(request: OwnSession, context: CallContext<"InvalidSessionError">): Promise<Empty>;

  /** Read the profile that a session belongs to. Errors: InvalidSessionError, UserNotExistError. */
  getUserInfo(
    request: SessionRef,
    context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  ): Promise<Profile>;

  /** Change the nickname of the session's user. Errors: InvalidSessionError, UserNotExistError. */
  updateNickname(
    request: NicknameUpdate,
    context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  ): Promise<UpdatedNickname>;

  /**
   * Set the picture of the session's user to one that is already stored.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  updateProfilePic(
    request: ProfilePicUpdate,
    context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  ): Promise<Empty>;

  /** List the sessions of the session's user. Errors: InvalidSessionError. */
  listSessions(
    request: SessionRef,
    context: CallContext<"InvalidSessionError">,
  ): Promise<SessionList>;

  /** End one session of the session's user. Errors: InvalidSessionError. */
  endSession(
    request: SessionEnding,
    context: CallContext<"InvalidSessionError">,
  ): Promise<SessionEnd>;

  /** End all sessions of the session's user but this one. Errors: InvalidSessionError. */
  endOtherSessions(
    request: OtherSessions,
    context: CallContext<"InvalidSessionError">,
  ): Promise<EndedSessions>;

  /**
   * Change the password of the session's user, and end all sessions but a new one.
   * Errors: InvalidSessionError, UserNotExistError, PasswordError.
   */
  changePassword(
    request: PasswordChange,
    context: CallContext<"InvalidSessionError" | "UserNotExistError" | "PasswordError">,
  ): Promise<SessionRef>;

  /** Delete the session's user. Errors: InvalidSessionError, UserNotExistError, PasswordError. */
  deleteAccount(
    request: AccountDeletion,
    context: CallContext<"InvalidSessionError" | "UserNotExistError" | "PasswordError">,
  ): Promise<DeletedAccount>;

  /**
   * Read everything that is stored about the session's user.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  exportMyData(
    request: OwnSession,
    context: CallContext<"InvalidSessionError" | "UserNotExistError">,
  ): Promise<AccountData>;

  /** Find the pictures that no profile uses. */
  findUnusedPictures(request: PictureNames, context: CallContext<never>): Promise<UnusedPictures>;
}

/** What a Listener runs for each call of User. From `UserContract` in schema/user.ts. */
export function userDispatch(service: UserService): DispatchTable {
  return dispatchTable(service, [
    entry(SIGN_UP, (request, context) => service.signUp(request, context)),
    entry(SIGN_IN, (request, context) => service.signIn(request, context)),
    entry(SIGN_OUT, (request, context) => service.signOut(request, context)),
    entry(GET_USER_INFO, (request, context) => service.getUserInfo(request, context)),
    entry(UPDATE_NICKNAME, (request, context) => service.updateNickname(request, context)),
    entry(UPDATE_PROFILE_PIC, (request, context) => service.updateProfilePic(request, context)),
    entry(LIST_SESSIONS, (request, context) => service.listSessions(request, context)),
    entry(END_SESSION, (request, context) => service.endSession(request, context)),
    entry(END_OTHER_SESSIONS, (request, context) => service.endOtherSessions(request, context)),
    entry(CHANGE_PASSWORD, (request, context) => service.changePassword(request, context)),
    entry(DELETE_ACCOUNT, (request, context) => service.deleteAccount(request, context)),
    entry(EXPORT_MY_DATA, (request, context) => service.exportMyData(request, context)),
    entry(FIND_UNUSED_PICTURES, (request, context) => service.findUnusedPictures(request, context)),
  ]);
}
