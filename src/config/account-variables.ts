import type { Variable } from "./variable.ts";

/** Variables for sessions and passwords. */
export const ACCOUNTS = {
  SESSION_TTL_SECONDS: {
    default: "1800",
    meaning: "how long a session lasts",
    readBy: ["http", "tcp"],
  },
  SESSIONS_MAX: {
    default: "20",
    meaning: "how many sessions a user may have at once: one more ends the oldest",
    readBy: ["tcp"],
  },
  PASSWORD_HASH: {
    default: "argon2id:m=19456,t=2,p=1",
    meaning:
      "scheme and cost (KiB, passes, lanes) of new hashes; or `salted-md5`, the classic " +
      "scheme",
    readBy: ["tcp", "migrate", "seed"],
  },
  PASSWORD_PEPPER: {
    default: "none",
    meaning:
      "`id:secret,…`: secrets of 16 characters or more that are mixed into passwords; the first " +
      "is for new hashes; keep the others as long as hashes need them ([more](accounts.md#pepper))",
    readBy: ["tcp", "migrate", "seed"],
    isNeverEmpty: true,
    kind: "list",
    isSecret: true,
  },
  PASSWORD_MIN: {
    default: "4",
    meaning: "shortest new password, from 4 to 13 code points; 8 with `PASSWORD_STRICT=on`",
    readBy: ["tcp"],
  },
  PASSWORD_MAX: {
    default: "13",
    meaning: "longest new password, from 4 to 13 code points",
    readBy: ["tcp"],
  },
  PASSWORD_STRICT: {
    default: "none",
    meaning: "`on`: a new password must not be a common one, nor the username",
    readBy: ["tcp"],
    kind: "on",
  },
} as const satisfies Record<string, Variable>;
