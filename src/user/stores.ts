import { DomainError } from "../rpc/error.ts";

// The storage that the user service needs. If a database fails, the methods of these interfaces
// throw a StorageError, and nothing else.

/** A row of the table `user`, without its id and times. */
export interface User {
  readonly username: string;
  readonly nickname: string;
  readonly profilePath: string;
  /** One of the forms of `stored-password.ts`, such as a PHC string. */
  readonly password: string;
  /** The salt of the classic scheme; otherwise "", because a PHC string contains its own. */
  readonly salt: string;
}

/** What a look-up says about a user. */
export interface FoundUser extends User {
  /** Names the row. If the user is deleted, a later user of the same name has another. */
  readonly id: string;
  /** A disabled user cannot sign in. */
  readonly isDisabled: boolean;
}

/** What an administrator sees of a user, and a user of the own account. */
export interface Account extends CachedProfile {
  /** Times are in ISO 8601 and UTC, such as "2026-11-30T17:12:50.000Z". */
  readonly createdAt: string;
  readonly modifiedAt: string;
  /** Undefined unless the user is disabled. */
  readonly disabledAt: string | undefined;
}

/** The part of a user that may be cached and shown. */
export type CachedProfile = Pick<User, "username" | "nickname" | "profilePath">;

/** The password columns, which change together. */
export type StoredPassword = Pick<User, "password" | "salt">;

export interface Store {
  /** Such as "MySQL". */
  readonly database: string;
  /** Resolves if the database answers and takes writes. Has the time limit of any other call. */
  ping(): Promise<void>;
}

export interface UserStore extends Store {
  /** Names are compared byte for byte. */
  find(username: string): Promise<FoundUser | undefined>;
  findAccount(username: string): Promise<Account | undefined>;
  /**
   * The accounts whose names begin with `prefix`, in the order of the bytes of their names.
   * @param after only names after this one, which is the last of the page before
   * @param limit how many accounts at most
   */
  search(prefix: string, after: string | undefined, limit: number): Promise<Account[]>;
  /** @returns false if the unique key says that the name is taken */
  insert(user: User): Promise<boolean>;
  /**
   * @param id write only into the row with this id
   * @returns false if there is no such user
   */
  setNickname(username: string, nickname: string, id?: string): Promise<boolean>;
  /**
   * @param id write only into the row with this id
   * @returns false if there is no such user
   */
  setProfilePath(username: string, profilePath: string, id?: string): Promise<boolean>;
  /** @returns the pictures among these that a profile uses */
  findShown(profilePaths: readonly string[]): Promise<string[]>;
  /**
   * Replace a password if it still is `from`, so that a change in between wins.
   * @returns whether it was replaced
   */
  replacePassword(username: string, from: StoredPassword, to: StoredPassword): Promise<boolean>;
  /** @returns false if there is no such user */
  setPassword(username: string, to: StoredPassword): Promise<boolean>;
  /**
   * A user who is disabled again keeps the time of the first.
   * @returns false if there is no such user
   */
  setDisabled(username: string, isDisabled: boolean): Promise<boolean>;
  /**
   * Delete a user.
   * @param from delete only if this still is the password
   * @returns whether the user was deleted
   */
  delete(username: string, from?: StoredPassword): Promise<boolean>;
  /**
   * A secret that all servers of this database share. The first server that needs it makes it.
   * @param make returns at most 255 characters
   */
  secret(name: string, make: () => string): Promise<string>;
  close(): Promise<void>;
}

export interface SessionStore extends Store {
  /**
   * Begin a session, which expires after the store's time to live. With a lease, also cache the
   * profile of its user as `fill` does. If the user then has too many sessions, the oldest ends.
   */
  open(session: NewSession): Promise<OpenedSession>;
  /** Look up a session and, in the same round trip, the cached profile of its user. */
  find(sessionId: string): Promise<FoundSession | undefined>;
  /** @returns the username; undefined if there was no such session */
  close(sessionId: string): Promise<string | undefined>;
  /** The live sessions of a user, newest first. */
  list(username: string): Promise<StoredSession[]>;
  /** @returns how many of these were live sessions of the user; they have ended */
  end(username: string, sessionIds: readonly string[]): Promise<number>;
  /** @returns how many sessions of the user have ended: all, or all but one */
  endAll(username: string, except?: string): Promise<number>;
  /** Get the right to cache a user's profile. Call this before reading the row. */
  lease(username: string): Promise<Lease | undefined>;
  /**
   * Cache a profile. It has no effect if the lease has ended, or if the user was updated, or may
   * have been, since the lease was granted.
   */
  fill(profile: CachedProfile, lease: Lease): Promise<void>;
  /**
   * Run an update of the user's row so that no reader sees the old profile after this resolves. The
   * cached profile is dropped before and after the update. The cache stays empty until every lease
   * that was granted before the end of the update has ended.
   * @param ending if given, and if the result of the update is truthy, all sessions of the user end
   * before this resolves, but for `except`. So do the sessions of sign-ins that are in progress, if
   * each of them does what `mustRecheck` says.
   */
  invalidating<T>(username: string, update: () => Promise<T>, ending?: Ending): Promise<T>;
  /**
   * Run the insert of a user's row as an update: an earlier user of the name may still be cached,
   * or be signing in. Unlike after an update, the profile of the new row may be cached at once.
   * @param insert resolves to false if the name is taken
   */
  inserting(profile: CachedProfile, insert: () => Promise<boolean>): Promise<boolean>;
  disconnect(): Promise<void>;
}

export interface NewSession {
  readonly sessionId: string;
  readonly profile: CachedProfile;
  readonly lease: Lease | undefined;
  /** The program of the user, as the list of sessions shows it. */
  readonly device: string;
  /** The user's network, as the list of sessions shows it. */
  readonly address: string;
  /** Sessions that end in the same step, each if it is a live one of the same user. */
  readonly replaces?: readonly string[] | undefined;
}

export interface OpenedSession {
  /**
   * The user's row may have changed since it was read. Read it again, and end the session if the
   * password was changed or the user is gone.
   */
  readonly mustRecheck: boolean;
}

/** A live session, as it is listed. */
export interface StoredSession {
  readonly sessionId: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly device: string;
  readonly address: string;
}

/** Which sessions end with an update. */
export interface Ending {
  /** The id of a session that lives on. */
  readonly except?: string | undefined;
}

/** The right to fill the cache. It lasts for seconds, and ends if the user is updated. */
export type Lease = string;

export interface FoundSession {
  readonly username: string;
  readonly profile?: CachedProfile;
}

/** Failed attempts of one kind, which all servers count together. See limits.ts. */
export interface FailureCount {
  /** The account or address that they belong to. */
  readonly subject: string;
  /** Names the count among those of the subject. */
  readonly name: string;
  /** How much a failure raises the level. The level sinks as time passes. */
  readonly everyMs: number;
  /** The level never gets higher. */
  readonly highestMs: number;
}

/** Where the servers keep the levels of failures. A level that is not there is 0. */
export interface FailureStore {
  /** Count one more failure in each. @returns the new levels, in milliseconds */
  charge(counts: readonly FailureCount[]): Promise<number[]>;
  /** @returns the levels, in milliseconds */
  levels(counts: readonly FailureCount[]): Promise<number[]>;
  /** Forget all failures of a subject. */
  lift(subject: string): Promise<void>;
}

/** A database failed. Every method of a service can answer with it, as DataBaseError. */
export class StorageError extends DomainError {
  constructor(message: string, options: { cause: unknown }) {
    super("DataBaseError", message, options);
  }
}
