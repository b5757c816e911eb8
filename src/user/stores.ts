import { DomainError } from "../rpc/error.ts";

// What the user service needs of its storage. Every method of these interfaces throws a
// StorageError where its database fails, and nothing else.

/** A row of the table `user`, without the columns that only the database reads. */
export interface User {
  readonly username: string;
  readonly nickname: string;
  readonly profilePath: string;
  /** A PHC string, or 32 hex digits of the classic scheme. */
  readonly password: string;
  /** Of the classic scheme; "" with a PHC string, which carries its own. */
  readonly salt: string;
}

/** What of a user may be cached and shown. */
export type CachedProfile = Pick<User, "username" | "nickname" | "profilePath">;

/** The password columns, which change together. */
export type StoredPassword = Pick<User, "password" | "salt">;

/** What every store can say of its database. */
export interface Store {
  /** As in "MySQL". */
  readonly database: string;
  /** Have the database answer, within the seconds that any call of the store may take. */
  ping(): Promise<void>;
}

export interface UserStore extends Store {
  /** Read by exact name, byte for byte. */
  find(username: string): Promise<User | undefined>;
  /** @returns false where the name is taken, decided by the unique key */
  insert(user: User): Promise<boolean>;
  /** @returns false where there is no such user */
  setNickname(username: string, nickname: string): Promise<boolean>;
  /** @returns false where there is no such user */
  setProfilePath(username: string, profilePath: string): Promise<boolean>;
  /** Those of these pictures that a user shows. */
  findShown(profilePaths: readonly string[]): Promise<string[]>;
  /** Replace a password where it still is `from`: a change in between wins. */
  replacePassword(username: string, from: StoredPassword, to: StoredPassword): Promise<void>;
  close(): Promise<void>;
}

export interface SessionStore extends Store {
  /**
   * Begin a session, which ends by itself after the store's time to live, and cache its user's
   * profile as `fill` does.
   */
  open(sessionId: string, profile: CachedProfile, lease: Lease | undefined): Promise<void>;
  /** Look up a session and, in the same round trip, the cached profile of its user. */
  find(sessionId: string): Promise<FoundSession | undefined>;
  /** @returns false where there was no such session */
  close(sessionId: string): Promise<boolean>;
  /** The right to cache the profile of a user, before its row is read. */
  lease(username: string): Promise<Lease | undefined>;
  /**
   * Cache a profile; without effect where the lease has ended, or the user was updated since it was
   * granted, or might have been.
   */
  fill(profile: CachedProfile, lease: Lease): Promise<void>;
  /**
   * Run an update of the user's row so that no reader sees the old profile after this resolves:
   * drops the cached profile before and after, and until all leases from before its end have ended,
   * nobody fills the cache.
   */
  invalidating<T>(username: string, update: () => Promise<T>): Promise<T>;
  disconnect(): Promise<void>;
}

/** The right to fill the cache for seconds, as long as the user is not updated. */
export type Lease = string;

export interface FoundSession {
  readonly username: string;
  readonly profile?: CachedProfile;
}

/** A database failed. On every method's behalf it means DataBaseError. */
export class StorageError extends DomainError {
  constructor(message: string, options: { cause: unknown }) {
    super("DataBaseError", message, options);
  }
}
