import type { Result } from "ioredis";
import type { CachedProfile } from "../../user/stores.ts";

// The cache of profiles, which is filled under a lease. docs/cache.md says why it is never stale.
// Each user has two keys, which share a slot:
//
//   user:<name>           the cached profile, a hash
//   {user:<name>}:dirty   a set of marks: each writer has one from the start of its update until
//                         its drop, and one more exists for a while after the last drop
//
// A lease is a key with a random name, which expires after a few seconds and is never extended. A
// reader gets a lease before it reads the row. The reader fills the cache only if the lease still
// exists and the user has no mark. The last mark outlives every lease that was granted before the
// end of its update, so a reader that may fill has read the current row. Each server decides how
// long its leases last. The key `:lease:latest` exists until the last lease has ended, and sets the
// time of the mark.

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

/** The keys of one user. The scripts take what they need, in this order. */
export function keysOf(username: string): UserKeys {
  const profile = `user:${username}`;
  return [profile, `{${profile}}:dirty`];
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

/** The mark that stays after an update. It belongs to no writer. */
const SETTLING = "settling";

/** Call this only if the row was read under a lease that still exists, and the user has no mark. */
const FILL = `
local function fill(profile, username, nickname, profilePath, ttlMs)
  redis.call("HSET", profile, "username", username, "nickname", nickname,
    "profilePath", profilePath)
  redis.call("PEXPIRE", profile, ttlMs)
end
`;

export const SCRIPTS = {
  // Looks up several sessions: the username of each, and its cached nickname and profilePath. The
  // users' keys follow from the sessions, so they cannot be declared: this is for a single Redis,
  // not for a cluster. A look-up does not extend a session.
  findSessions: {
    lua: `
local usernames = redis.call("MGET", unpack(KEYS))
local replies = {}
for index = 1, #KEYS do
  local username = usernames[index]
  local at = index * 3
  replies[at - 2], replies[at - 1], replies[at] = username, false, false
  if username then
    local fields = redis.pcall("HMGET", "user:" .. username, "nickname", "profilePath")
    -- A key of another program that is no hash is a miss, and does not fail the other look-ups.
    if not fields.err then replies[at - 1], replies[at] = fields[1], fields[2] end
  end
end
return replies`,
  },
  // Begins several sessions, even if the profiles cannot be cached. Takes the sessions' keys, their
  // time to live, the lease that they share, and the ProfileArguments of each. For a single Redis.
  openSessions: {
    lua: `${FILL}
local ttlMs, lease = ARGV[1], ARGV[2]
local dirty = {}
for index = 1, #KEYS do
  local username = ARGV[index * 3]
  redis.call("SET", KEYS[index], username, "PX", ttlMs)
  dirty[index] = "{user:" .. username .. "}:dirty"
end
if redis.call("EXISTS", lease) == 0 then return end
local isAnyDirty = redis.call("EXISTS", unpack(dirty)) > 0
for index = 1, #KEYS do
  local at = index * 3
  if not isAnyDirty or redis.call("EXISTS", dirty[index]) == 0 then
    pcall(fill, "user:" .. ARGV[at], ARGV[at], ARGV[at + 1], ARGV[at + 2], ttlMs)
  end
end`,
  },
  // Returns 1 if there was such a session, even if ioredis sends the command again.
  closeSession: {
    numberOfKeys: 2,
    lua: `
if redis.call("DEL", KEYS[1]) == 0 then return redis.call("EXISTS", KEYS[2]) end
redis.call("SET", KEYS[2], "", "PX", ARGV[1])
return 1`,
  },
  // Returns null if Redis is full or read-only.
  grantLease: {
    numberOfKeys: 2,
    lua: `
local function set(key) return not redis.pcall("SET", key, "", "PX", ARGV[1]).err end
if redis.call("PTTL", KEYS[2]) < tonumber(ARGV[1]) and not set(KEYS[2]) then return end
return set(KEYS[1]) and 1`,
  },
  fillProfile: {
    numberOfKeys: 3,
    lua: `${FILL}
if redis.call("EXISTS", KEYS[2]) == 1 or redis.call("EXISTS", KEYS[3]) == 0 then return end
fill(KEYS[1], unpack(ARGV))`,
  },
  // Keeps readers from filling. The mark must outlive the update, so each writer extends the time
  // of the set, and never shortens it.
  markDirty: {
    numberOfKeys: 2,
    lua: `
redis.call("SADD", KEYS[2], ARGV[1])
if redis.call("PTTL", KEYS[2]) < tonumber(ARGV[2]) then redis.call("PEXPIRE", KEYS[2], ARGV[2]) end
redis.call("DEL", KEYS[1])`,
  },
  // A writer removes only its own mark, since another update may be in progress. A reader that read
  // the old row may still have a lease, so the settling mark outlives all leases: at least those of
  // this server, even if Redis has evicted the key of the latest lease. The drop is for a Redis
  // that restarted empty during the update and lost the writer's mark. The drop comes first,
  // because a Redis that is out of memory lets a script add keys only after its first write.
  clearDirty: {
    numberOfKeys: 3,
    lua: `
redis.call("DEL", KEYS[1])
redis.call("SADD", KEYS[2], "${SETTLING}")
redis.call("SREM", KEYS[2], ARGV[1])
local settlingMs = math.max(tonumber(ARGV[2]), redis.call("PTTL", KEYS[3]))
local isAlone = redis.call("SCARD", KEYS[2]) == 1
if isAlone or redis.call("PTTL", KEYS[2]) < settlingMs then
  redis.call("PEXPIRE", KEYS[2], settlingMs)
end`,
  },
} as const;

export type UserKeys = [profile: string, dirty: string];
/** The cached fields of a user, in the order of the scripts. */
export type ProfileArguments = [username: string, nickname: string, profilePath: string];
type ScriptArguments = (string | number)[];

declare module "ioredis" {
  interface RedisCommander<Context> {
    /** @param args the sessions' keys */
    findSessions(keys: number, ...args: ScriptArguments): Result<(string | null)[], Context>;
    /** @param args the sessions' keys, ttlMs, the lease or "", the ProfileArguments of each */
    openSessions(keys: number, ...args: ScriptArguments): Result<null, Context>;
    closeSession(session: string, closed: string, closedMs: number): Result<0 | 1, Context>;
    grantLease(lease: string, latest: string, leaseMs: number): Result<1 | null, Context>;
    fillProfile(
      ...args: [...UserKeys, lease: string, ...ProfileArguments, ttlMs: number]
    ): Result<null, Context>;
    markDirty(...args: [...UserKeys, writer: string, dirtyMs: number]): Result<null, Context>;
    clearDirty(
      ...args: [...UserKeys, latestLease: string, writer: string, leaseMs: number]
    ): Result<null, Context>;
  }
}
