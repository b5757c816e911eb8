import type { Result } from "ioredis";
import { FILL, INSERTED } from "./fill.ts";
import type { ProfileArguments, UserKeys } from "./keys.ts";
import { SINGLE_SCRIPTS, SLOT_SCRIPTS } from "./session-scripts.ts";

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

/** The mark that stays after an update. It belongs to no writer. */
export const SETTLING = "settling";

export const SCRIPTS = {
  ...SINGLE_SCRIPTS,
  ...SLOT_SCRIPTS,
  // Returns null if Redis is full or read-only.
  grantLease: {
    numberOfKeys: 2,
    lua: `
local function set(key) return not redis.pcall("SET", key, "", "PX", ARGV[1]).err end
if redis.call("PTTL", KEYS[2]) < tonumber(ARGV[1]) and not set(KEYS[2]) then return end
return set(KEYS[1]) and 1`,
  },
  // Returns null if the profile may be an old one.
  fillProfile: {
    numberOfKeys: 3,
    lua: `${FILL}
if redis.call("EXISTS", KEYS[3]) == 0 then return end
local isMarked = redis.call("EXISTS", KEYS[2]) == 1
if isMarked and not isInserted(KEYS[2], ARGV[2], ARGV[3]) then return end
fill(KEYS[1], unpack(ARGV))
return 1`,
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
  // the old row may still have a lease, so the mark that stays outlives all leases: at least those
  // of this server, even if Redis has evicted the key of the latest lease. The drop is for a Redis
  // that restarted empty during the update and lost the writer's mark. The drop comes first,
  // because a Redis that is out of memory lets a script add keys only after its first write.
  clearDirty: {
    numberOfKeys: 3,
    lua: `
redis.call("DEL", KEYS[1])
redis.call("SADD", KEYS[2], ARGV[3])
redis.call("SREM", KEYS[2], ARGV[1])
local settlingMs = math.max(tonumber(ARGV[2]), redis.call("PTTL", KEYS[3]))
local isUpdated = false
for _, mark in ipairs(redis.call("SMEMBERS", KEYS[2])) do
  isUpdated = isUpdated or (mark ~= "${SETTLING}" and string.find(mark, "^${INSERTED}") == nil)
end
if not isUpdated or redis.call("PTTL", KEYS[2]) < settlingMs then
  redis.call("PEXPIRE", KEYS[2], settlingMs)
end`,
  },
} as const;

declare module "ioredis" {
  interface RedisCommander<Context> {
    grantLease(lease: string, latest: string, leaseMs: number): Result<1 | null, Context>;
    fillProfile(
      ...args: [...UserKeys, lease: string, ...ProfileArguments, ttlMs: number]
    ): Result<1 | null, Context>;
    markDirty(...args: [...UserKeys, writer: string, dirtyMs: number]): Result<null, Context>;
    clearDirty(
      ...args: [...UserKeys, latestLease: string, writer: string, leaseMs: number, staying: string]
    ): Result<null, Context>;
  }
}
