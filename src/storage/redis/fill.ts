/**
 * Part of a script: cache a profile. Call it only if the row was read under a lease that still
 * exists, and the user has no mark.
 */
export const FILL = `
local function fill(profile, username, nickname, profilePath, ttlMs)
  redis.call("HSET", profile, "username", username, "nickname", nickname,
    "profilePath", profilePath)
  redis.call("PEXPIRE", profile, ttlMs)
end
`;
