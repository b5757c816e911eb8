import type { CachedProfile } from "../../user/stores.ts";

// The names of the keys in Redis. The keys of one user share a slot of a cluster:
//
//   user:<name>              the cached profile, a hash
//   {user:<name>}:dirty      the marks of updates, a set: docs/cache.md
//   {user:<name>}:sessions   the index of the user's sessions, a list: entry.ts
//   {user:<name>}:lease:…    in a cluster, the leases for this user
//   {user:}:lease:…          on a single Redis, the leases for all users
//   {user:}:history          on a single Redis, what replicas must not carry on: history.ts

/** The cached fields of a user, in the order of the scripts. */
export type ProfileArguments = [username: string, nickname: string, profilePath: string];
export type UserKeys = [profile: string, dirty: string];

export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`;
}

/**
 * A key that exists for a while after a session was closed. After a lost connection, ioredis sends
 * the command again, and the repeated command must get the same answer. The key is in the session's
 * slot if the id has no braces. It is never a session's key, nor a user's, since no username has
 * braces.
 */
export function closedKey(sessionId: string, closing: string): string {
  return `user:{${sessionKey(sessionId)}}:closed:${closing}`;
}

/**
 * A key that exists for a while after a session of a cluster was ended from its index. It holds the
 * name of that call, and keeps a command that is late from storing the session again.
 */
export function endedKey(sessionId: string): string {
  return `user:{${sessionKey(sessionId)}}:ended`;
}

/** The keys of one user. The scripts take what they need, in this order. */
export function keysOf(username: string): UserKeys {
  const profile = `user:${username}`;
  return [profile, `{${profile}}:dirty`];
}

/** An index outlives its last session by up to this, so that few sign-ins have to extend it. */
export const INDEX_RESERVE_MS = 60_000;

export function indexKey(username: string): string {
  return `{user:${username}}:sessions`;
}

/**
 * A key that holds for a while how many sessions a call has ended, for the case that ioredis sends
 * the command again.
 */
export function countKey(username: string, ending: string): string {
  return `${indexKey(username)}:ended:${ending}`;
}

export function profileArguments(profile: CachedProfile): ProfileArguments {
  return [profile.username, profile.nickname, profile.profilePath];
}

/** A lease is for one user, in the user's slot. On a single Redis it is for all users. */
export function leaseKey(username: string, random: string): string {
  return `{user:${username}}:lease:${random}`;
}

/** A key that exists until the last lease for this user has ended, on any server. */
export function latestLeaseKey(username: string): string {
  return leaseKey(username, "latest");
}

/** No session id of ours has braces, which would change the slot of its keys. */
export function hasBraces(sessionId: string): boolean {
  return /[{}]/.test(sessionId);
}

/** On a single Redis: history.ts. Not a username: the history is that of all users. */
export const HISTORY_KEY = "{user:}:history";
