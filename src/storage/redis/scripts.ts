import type { Result } from "ioredis";
import type { CachedProfile } from "../../user/stores.ts";

// The cache of profiles, filled under a lease; docs/cache.md has the argument why it is right. Two
// keys of one user, which share a slot:
//
//   user:<name>           the cached profile, a hash
//   {user:<name>}:dirty   a set of marks: one of each writer between the start of its update and
//                         the drop after it, and one that stays for a while after the last drop
//
// A lease is a key, too, with a random name. Nobody makes it stand longer than the seconds that it
// is set for. Who reads a row has one before, and fills the cache while it stands and there is no
// mark. The last mark outlives every lease from before the end of its update; so whoever fills has
// read the row as it is now. How long leases stand, each server decides for itself: one more key,
// `:lease:latest`, stands until the last of them has ended, and the mark goes by that.

export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`;
}

/**
 * What stands for a while after a session was closed: a client that has lost its connection sends
 * the same command again, and is to get the same answer. In the session's slot, as long as its id
 * has no braces; among the keys of users, none of whom has braces, so that it is no session.
 */
export function closedKey(sessionId: string, closing: string): string {
  return `user:{${sessionKey(sessionId)}}:closed:${closing}`;
}

/** The keys of one user; the scripts take those that they need, in this order. */
export function keysOf(username: string): UserKeys {
  const profile = `user:${username}`;
  return [profile, `{${profile}}:dirty`];
}

export function profileArguments(profile: CachedProfile): ProfileArguments {
  return [profile.username, profile.nickname, profile.profilePath];
}

/** A lease is for one user, in the same slot, or on one Redis for all. */
export function leaseKey(username: string, random: string): string {
  return `{user:${username}}:lease:${random}`;
}

/** Stands until the last lease for this user has ended, whichever server has it. */
export function latestLeaseKey(username: string): string {
  return leaseKey(username, "latest");
}

/** The mark that stays after an update; no writer has it. */
const SETTLING = "settling";

/** Invariant: the row was read under a lease that still stands, and the user has no mark. */
const FILL = `
local function fill(profile, username, nickname, profilePath, ttlMs)
  redis.call("HSET", profile, "username", username, "nickname", nickname,
    "profilePath", profilePath)
  redis.call("PEXPIRE", profile, ttlMs)
end
`;

export const SCRIPTS = {
  // Several look-ups at once, which have nothing to do with each other: for each session its
  // username, and the nickname and profilePath that are cached. The users' keys follow from the
  // sessions and cannot be declared: for one Redis, not a cluster. It never touches a session's
  // expiry: it is not renewed by use.
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
    -- A key that is somebody else's, and no hash, is a miss: the others are no worse for it.
    if not fields.err then replies[at - 1], replies[at] = fields[1], fields[2] end
  end
end
return replies`,
  },
  // Sessions begin whether or not their users' profiles may or can be cached: their keys, how long
  // they live, the lease that all share, and for each its ProfileArguments. For one Redis, too.
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
  // 1 where there was such a session, also if it is asked again.
  closeSession: {
    numberOfKeys: 2,
    lua: `
if redis.call("DEL", KEYS[1]) == 0 then return redis.call("EXISTS", KEYS[2]) end
redis.call("SET", KEYS[2], "", "PX", ARGV[1])
return 1`,
  },
  // Null where Redis is full or read-only.
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
  // From here on nobody fills. It has to outlive the update, so every writer begins its time anew,
  // and leaves the time of another that has more.
  markDirty: {
    numberOfKeys: 2,
    lua: `
redis.call("SADD", KEYS[2], ARGV[1])
if redis.call("PTTL", KEYS[2]) < tonumber(ARGV[2]) then redis.call("PEXPIRE", KEYS[2], ARGV[2]) end
redis.call("DEL", KEYS[1])`,
  },
  // A writer removes its own mark only: another may still be at work. Who read the row before may
  // still fill, so the mark that stays outlives every lease that there is: one of this server's in
  // any case, should Redis have evicted the key that knows of the others. The drop is for the case
  // that Redis has restarted empty during the update, and the writer's mark was lost with it. It
  // comes first: where memory has run out meanwhile, only a script that has begun to write may add.
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
/** What is cached of a user, as the scripts take it. */
export type ProfileArguments = [username: string, nickname: string, profilePath: string];
type ScriptArguments = (string | number)[];

declare module "ioredis" {
  interface RedisCommander<Context> {
    /** Behind the number of keys: the sessions' keys. */
    findSessions(keys: number, ...args: ScriptArguments): Result<(string | null)[], Context>;
    /** The sessions' keys, ttlMs, the lease ("" for none), and the ProfileArguments of each. */
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
