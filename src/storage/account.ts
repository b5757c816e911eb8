import type { Account, CachedProfile } from "../user/stores.ts";

/** An account as the columns of its row say. Times are in UTC, such as "2026-11-30 17:12:50". */
export interface AccountRow extends CachedProfile {
  readonly createdAt: string;
  readonly modifiedAt: string;
  readonly disabledAt: string | null;
}

export function accountOf(row: AccountRow): Account {
  const { username, nickname, profilePath, createdAt, modifiedAt, disabledAt } = row;
  return {
    username,
    nickname,
    profilePath,
    createdAt: isoTime(createdAt),
    modifiedAt: isoTime(modifiedAt),
    disabledAt: disabledAt === null ? undefined : isoTime(disabledAt),
  };
}

/**
 * In ISO 8601. A row of the original system may have the time "0000-00-00 00:00:00" or
 * "2019-00-00 00:00:00", which is no time. It becomes the beginning of 1970.
 */
function isoTime(utc: string): string {
  const ms = Date.parse(`${utc.slice(0, 19).replace(" ", "T")}Z`);
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString();
}
