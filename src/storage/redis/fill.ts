import type { CachedProfile } from "../../user/stores.ts";

/** The mark of a new row begins like this. The profile of the row follows. */
export const INSERTED = "inserted";

/**
 * The mark that stays after a sign-up. Under it, only the profile of the new row may be cached: a
 * reader that is slow may still have the row of an earlier user.
 */
export function insertedMark({ nickname, profilePath }: CachedProfile): string {
  return `${INSERTED}\n${nickname}\n${profilePath}`;
}

/**
 * Parts of a script that cache a profile. Call `fill` only if the row was read under a lease that
 * still exists, and the user has no mark, or only the one that allows this profile. The expiry of a
 * cached profile is not extended.
 */
export const FILL = `
local function isInserted(dirty, nickname, profilePath)
  local mark = "${INSERTED}\\n" .. nickname .. "\\n" .. profilePath
  return redis.call("SCARD", dirty) == 1 and redis.call("SISMEMBER", dirty, mark) == 1
end
local function fill(profile, username, nickname, profilePath, ttlMs)
  local added = redis.call("HSET", profile, "username", username, "nickname", nickname,
    "profilePath", profilePath)
  if added > 0 then redis.call("PEXPIRE", profile, ttlMs) end
end
`;
