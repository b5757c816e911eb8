import type { Result } from "ioredis";
import { FILL } from "./fill.ts";
import { INDEX_RESERVE_MS, type ProfileArguments, type UserKeys } from "./keys.ts";

// Sessions and the index of each user's sessions. The index holds at least all live sessions of its
// user, oldest first. An entry may outlive its session: it is removed when the index is used.

/** The session id of an entry, and removing the entries of some sessions from an index. */
const INDEX = `
local function idOf(entry) return string.match(entry, "^[^\\n]*") end
local function forget(index, ids)
  -- If the key is not a list, there is nothing to remove.
  for _, entry in ipairs(redis.pcall("LRANGE", index, 0, -1)) do
    if ids[idOf(entry)] then redis.call("LREM", index, 0, entry) end
  end
end
`;

/** Scripts for a single Redis. They derive keys of one user or session from those of another. */
export const SINGLE_SCRIPTS = {
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
  // time to live, the most sessions of a user, the lease that they share, and for each session the
  // ProfileArguments and its entry; then pairs of an id that is replaced and the username. Returns
  // for each session whether its user's row has not changed since it was read under the lease. If a
  // session exists, ioredis has sent the command again. Commands get times as text, since Redis is
  // slow to write a number of Lua.
  openSessions: {
    lua: `${FILL}${INDEX}
local ttlMs, most, lease = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local shortestMs, indexMs = tonumber(ttlMs), string.format("%d", ttlMs + ${INDEX_RESERVE_MS})
local function push(sessions, entry)
  local length = redis.pcall("RPUSH", sessions, entry)
  if type(length) == "number" then return length end
  -- A key of another program must not keep a user from signing in.
  redis.call("DEL", sessions)
  return redis.call("RPUSH", sessions, entry)
end
local function store(session, username, entry)
  if not redis.call("SET", session, username, "PX", ttlMs, "NX") then return end
  local sessions = "{user:" .. username .. "}:sessions"
  local length = push(sessions, entry)
  for _ = most + 1, length do
    redis.call("DEL", "session:" .. idOf(redis.call("LPOP", sessions)))
  end
  -- Another server's sessions may last longer.
  if length == 1 or redis.call("PTTL", sessions) < shortestMs then
    redis.call("PEXPIRE", sessions, indexMs)
  end
end
local function replace(sessionId, username)
  if redis.call("GET", "session:" .. sessionId) ~= username then return end
  redis.call("DEL", "session:" .. sessionId)
  forget("{user:" .. username .. "}:sessions", { [sessionId] = true })
end
for at = #KEYS * 4 + 4, #ARGV, 2 do replace(ARGV[at], ARGV[at + 1]) end
local dirty, replies = {}, {}
for index = 1, #KEYS do
  local at = index * 4
  dirty[index] = "{user:" .. ARGV[at] .. "}:dirty"
  store(KEYS[index], ARGV[at], ARGV[at + 3])
end
local isLeased = redis.call("EXISTS", lease) == 1
local isAnyDirty = isLeased and redis.call("EXISTS", unpack(dirty)) > 0
for index = 1, #KEYS do
  local at = index * 4
  local isCurrent = isLeased and (not isAnyDirty or redis.call("EXISTS", dirty[index]) == 0)
  if isCurrent or isLeased and isInserted(dirty[index], ARGV[at + 1], ARGV[at + 2]) then
    pcall(fill, "user:" .. ARGV[at], ARGV[at], ARGV[at + 1], ARGV[at + 2], ttlMs)
  end
  replies[index] = isCurrent and 1 or 0
end
return replies`,
  },
  // Returns the entries of the live sessions, oldest first, and removes the others.
  listSessions: {
    numberOfKeys: 1,
    lua: `${INDEX}
local entries = redis.call("LRANGE", KEYS[1], 0, -1)
if #entries == 0 then return entries end
local keys, live = {}, {}
for index, entry in ipairs(entries) do keys[index] = "session:" .. idOf(entry) end
local usernames = redis.call("MGET", unpack(keys))
for index, entry in ipairs(entries) do
  if usernames[index] == ARGV[1] then live[#live + 1] = entry
  else redis.call("LREM", KEYS[1], 0, entry) end
end
return live`,
  },
  // Ends sessions of a user, and returns how many there were, even if ioredis sends the command
  // again. Takes the username, how long to remember the answer, and the ids: of those to end, or
  // with "except" of those to keep.
  endSessions: {
    numberOfKeys: 2,
    lua: `${INDEX}
local before = redis.call("GET", KEYS[2])
if before then return tonumber(before) end
local ids, named = {}, {}
for index = 4, #ARGV do
  named[ARGV[index]] = true
  if ARGV[3] ~= "except" then ids[#ids + 1] = ARGV[index] end
end
if ARGV[3] == "except" then
  for _, entry in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
    local id = idOf(entry)
    if not named[id] then ids[#ids + 1] = id end
  end
end
local count, ended = 0, {}
for _, id in ipairs(ids) do
  if redis.call("GET", "session:" .. id) == ARGV[1] then
    count = count + redis.call("DEL", "session:" .. id)
  end
  ended[id] = true
end
forget(KEYS[1], ended)
if count > 0 then redis.call("SET", KEYS[2], count, "PX", ARGV[2]) end
return count`,
  },
} as const;

/** Scripts whose keys share a slot. */
export const SLOT_SCRIPTS = {
  // Returns the session's user, or null if there was no such session; the same if ioredis sends the
  // command again. On a single Redis, also removes the entry of the index, given the session id.
  closeSession: {
    numberOfKeys: 2,
    lua: `${INDEX}
local username = redis.call("GET", KEYS[1])
if not username then return redis.call("GET", KEYS[2]) end
redis.call("DEL", KEYS[1])
redis.call("SET", KEYS[2], username, "PX", ARGV[1])
if ARGV[2] then forget("{user:" .. username .. "}:sessions", { [ARGV[2]] = true }) end
return username`,
  },
  // Begins a session, unless it was ended before this command arrived.
  storeSession: {
    numberOfKeys: 2,
    lua: `
if redis.call("EXISTS", KEYS[2]) == 1 then return 0 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1`,
  },
  // Ends a session of a user, also one that has yet to be stored. Returns 1 if it was there, even
  // if ioredis sends the command again. A full Redis takes new keys only after the deletion.
  endSession: {
    numberOfKeys: 2,
    lua: `
if redis.call("GET", KEYS[1]) == ARGV[1] then
  redis.call("DEL", KEYS[1])
  redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
  return 1
end
if redis.call("GET", KEYS[2]) == ARGV[2] then return 1 end
redis.pcall("SET", KEYS[2], "", "PX", ARGV[3], "NX")
return 0`,
  },
  // Adds a session to the index, and caches the profile if the user's row has not changed since it
  // was read under the lease. Returns whether that is so, and the entries that are too many.
  indexSession: {
    numberOfKeys: 4,
    lua: `${FILL}
-- A key of another program must not keep a user from signing in.
if redis.call("TYPE", KEYS[3]).ok ~= "list" then redis.call("DEL", KEYS[3]) end
if redis.call("LINDEX", KEYS[3], -1) ~= ARGV[1] then redis.call("RPUSH", KEYS[3], ARGV[1]) end
local ttlMs = ARGV[3]
if redis.call("PTTL", KEYS[3]) < tonumber(ttlMs) then redis.call("PEXPIRE", KEYS[3], ttlMs) end
local isLeased = redis.call("EXISTS", KEYS[4]) == 1
local isCurrent = isLeased and redis.call("EXISTS", KEYS[2]) == 0
if isCurrent or isLeased and isInserted(KEYS[2], ARGV[5], ARGV[6]) then
  pcall(fill, KEYS[1], ARGV[4], ARGV[5], ARGV[6], ttlMs)
end
local tooMany = redis.call("LLEN", KEYS[3]) - tonumber(ARGV[2])
local oldest = tooMany > 0 and redis.call("LRANGE", KEYS[3], 0, tooMany - 1) or {}
return { isCurrent and 1 or 0, oldest }`,
  },
  // Removes the entries of some sessions.
  forgetSessions: {
    numberOfKeys: 1,
    lua: `${INDEX}
local ids = {}
for _, id in ipairs(ARGV) do ids[id] = true end
forget(KEYS[1], ids)`,
  },
} as const;

type ScriptArguments = (string | number)[];

declare module "ioredis" {
  interface RedisCommander<Context> {
    /** @param args the sessions' keys */
    findSessions(keys: number, ...args: ScriptArguments): Result<(string | null)[], Context>;
    /**
     * @param args the sessions' keys, ttlMs, the most sessions of a user, the lease or "", for each
     * session the ProfileArguments and its entry, and pairs of an id that is replaced and the user
     */
    openSessions(keys: number, ...args: ScriptArguments): Result<(0 | 1)[], Context>;
    listSessions(index: string, username: string): Result<string[], Context>;
    endSessions(
      ...args: [
        index: string,
        count: string,
        username: string,
        countMs: number,
        which: "these" | "except",
        ...sessionIds: string[],
      ]
    ): Result<number, Context>;
    closeSession(
      ...args: [session: string, closed: string, closedMs: number, sessionId?: string]
    ): Result<string | null, Context>;
    storeSession(
      ...args: [session: string, ended: string, username: string, ttlMs: number]
    ): Result<0 | 1, Context>;
    endSession(
      ...args: [session: string, ended: string, username: string, ending: string, endedMs: number]
    ): Result<0 | 1, Context>;
    indexSession(
      ...args: [
        ...UserKeys,
        index: string,
        lease: string,
        entry: string,
        most: number,
        ttlMs: number,
        ...ProfileArguments,
      ]
    ): Result<[isCurrent: 0 | 1, oldest: string[]], Context>;
    forgetSessions(index: string, ...sessionIds: string[]): Result<null, Context>;
  }
}
