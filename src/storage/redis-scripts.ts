import type { Result } from "ioredis";

// The cache of profiles, filled under a lease; CACHE.md has the argument why it is right. Three
// keys of one user, which share a slot:
//
//   user:<name>           the cached profile, a hash
//   {user:<name>}:lease   the token of those who may fill it
//   {user:<name>}:dirty   a set: a token of each writer between the start of its update and the
//                         drop after it
//
// A reader's lease is older than the row it read. A writer ends the lease before its update, and
// while it is at work nobody gets another; so whoever still holds a lease has read the row as it
// is now. Tokens are random: a counter would repeat itself after Redis restarts empty.

export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`;
}

/** The keys of one user; the scripts take those that they need, in this order. */
export function keysOf(username: string): UserKeys {
  const profile = `user:${username}`;
  return [profile, `{${profile}}:lease`, `{${profile}}:dirty`];
}

/**
 * Invariant: no lease is granted while a writer is at work (`dirty` is false where it is known that
 * none is). Readers that come while one stands share it: no writer has ended it, so what they read
 * from now on is as good as what its first holder read. Were it for that one alone, a sign-in that
 * fails would keep the next from filling. A Redis that is full or read-only grants none, and what
 * can be read is answered all the same.
 */
const GRANT = `
local function grant(lease, dirty, token, ttlMs)
  if dirty and redis.call("EXISTS", dirty) == 1 then return false end
  local set = redis.pcall("SET", lease, token, "PX", ttlMs, "NX")
  if set and set.err then return false end
  if set then return token end
  redis.call("PEXPIRE", lease, ttlMs)
  return redis.call("GET", lease)
end
`;

/** Invariant: what is cached has been dropped since the last update, and filled after it. */
const READ = `${GRANT}
local function read(profile, token, ttlMs)
  local fields = redis.call("HMGET", profile, "nickname", "profilePath")
  if fields[1] and fields[2] then return {fields[1], fields[2], false} end
  local lease, dirty = "{" .. profile .. "}:lease", "{" .. profile .. "}:dirty"
  return {false, false, grant(lease, dirty, token, ttlMs)}
end
`;

/**
 * Invariant: only for a holder of the standing lease, which is deleted with it. While it stands no
 * writer is at work: each has ended it when it began.
 */
const FILL = `
local function fill(profile, username, nickname, profilePath, ttlMs)
  redis.call("HSET", profile, "username", username, "nickname", nickname,
    "profilePath", profilePath)
  redis.call("PEXPIRE", profile, ttlMs)
end
`;

export const SCRIPTS = {
  // Several look-ups at once, which have nothing to do with each other: for each session its
  // username and the values of a ProfileReply. The users' keys follow from the sessions and cannot
  // be declared: for one Redis, not a cluster. It never touches a session's expiry: it is not
  // renewed by use.
  findSessions: {
    lua: `${READ}
local usernames = redis.call("MGET", unpack(KEYS))
local replies = {}
for index = 1, #KEYS do
  local username = usernames[index]
  local found = {false, false, false}
  if username then
    -- A key that is somebody else's, and no hash, is a miss: the others are no worse for it.
    local isRead, values = pcall(read, "user:" .. username, unpack(ARGV))
    if isRead then found = values end
  end
  local at = index * 4
  replies[at - 3] = username
  replies[at - 2] = found[1]
  replies[at - 1] = found[2]
  replies[at] = found[3]
end
return replies`,
  },
  // What is left of findSessions in a cluster, once a session has named its user.
  readProfile: {
    numberOfKeys: 3,
    lua: `${READ}
return read(KEYS[1], unpack(ARGV))`,
  },
  // Sessions begin whether or not their users' profiles may or can be cached: the keys of the
  // sessions, then of the profiles, then of the leases. For one Redis, too.
  openSessions: {
    lua: `${FILL}
local count = #KEYS / 3
local standing = redis.call("MGET", unpack(KEYS, 2 * count + 1))
local ended = {}
for index = 1, count do
  local arg = (index - 1) * 5
  redis.call("SET", KEYS[index], ARGV[arg + 2], "PX", ARGV[arg + 5])
  if standing[index] == ARGV[arg + 1] then
    pcall(fill, KEYS[count + index], unpack(ARGV, arg + 2, arg + 5))
    ended[#ended + 1] = KEYS[2 * count + index]
  end
end
if #ended > 0 then redis.call("DEL", unpack(ended)) end`,
  },
  // The leases of some users, and then their dirty sets; of one user, they share a slot.
  grantLeases: {
    lua: `${GRANT}
local count = #KEYS / 2
local isAnyDirty = redis.call("EXISTS", unpack(KEYS, count + 1)) > 0
local leases = {}
for index = 1, count do
  leases[index] = grant(KEYS[index], isAnyDirty and KEYS[count + index], ARGV[1], ARGV[2])
end
return leases`,
  },
  fillProfile: {
    numberOfKeys: 2,
    lua: `${FILL}
if redis.call("GET", KEYS[2]) ~= ARGV[1] then return end
fill(KEYS[1], unpack(ARGV, 2))
redis.call("DEL", KEYS[2])`,
  },
  // From here on nobody fills, and nobody who has read the row already ever will. The mark goes
  // first: it has to outlive the update, so every writer begins its time anew.
  markDirty: {
    numberOfKeys: 3,
    lua: `
redis.call("SADD", KEYS[3], ARGV[1])
redis.call("PEXPIRE", KEYS[3], ARGV[2])
redis.call("DEL", KEYS[1], KEYS[2])`,
  },
  // A writer removes its own mark only: another may still be at work. The drop is for the case
  // that Redis restarted empty during the update, and the mark with it.
  clearDirty: {
    numberOfKeys: 3,
    lua: `
redis.call("DEL", KEYS[1], KEYS[2])
redis.call("SREM", KEYS[3], ARGV[1])`,
  },
} as const;

export type UserKeys = [profile: string, lease: string, dirty: string];
export type FillArguments = [
  token: string,
  username: string,
  nickname: string,
  profilePath: string,
  ttlMs: number,
];
type ScriptArguments = (string | number)[];

/** What is read of a user: the profile's two fields, or on a miss a lease where one is free. */
export type ProfileReply = [
  nickname: string | null,
  profilePath: string | null,
  lease: string | null,
];

declare module "ioredis" {
  interface RedisCommander<Context> {
    /** Behind the number of keys: the sessions' keys, token, leaseMs. */
    findSessions(keys: number, ...args: ScriptArguments): Result<(string | null)[], Context>;
    readProfile(
      ...args: [...UserKeys, token: string, leaseMs: number]
    ): Result<ProfileReply, Context>;
    /** The sessions' keys, the profiles and the leases, and then for each the FillArguments. */
    openSessions(keys: number, ...args: ScriptArguments): Result<null, Context>;
    /** The users' leases, their dirty sets, and then token, leaseMs. */
    grantLeases(keys: number, ...args: ScriptArguments): Result<(string | null)[], Context>;
    fillProfile(...args: [profile: string, lease: string, ...FillArguments]): Result<null, Context>;
    markDirty(...args: [...UserKeys, writer: string, dirtyMs: number]): Result<null, Context>;
    clearDirty(...args: [...UserKeys, writer: string]): Result<null, Context>;
  }
}
