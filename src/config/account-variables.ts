import type { Variable } from "./variable.ts";

/** Variables for sessions and passwords. */
export const ACCOUNTS = {
  SESSION_TTL_SECONDS: {
    default: "1800",
    meaning: "how long a session lasts",
    readBy: ["http", "tcp"],
  },
  PASSWORD_HASH: {
    default: "argon2id:m=19456,t=2,p=1",
    meaning:
      "scheme and cost (KiB, passes, lanes) of new hashes; or `salted-md5`, the classic " +
      "scheme",
    readBy: ["tcp", "seed"],
  },
  PASSWORD_PEPPER: {
    default: "none",
    meaning:
      "`id:secret,…`: secrets of 16 characters or more that are mixed into passwords; the first " +
      "is for new hashes; keep the others as long as hashes need them ([more](accounts.md))",
    readBy: ["tcp", "seed"],
    isNeverEmpty: true,
  },
} as const satisfies Record<string, Variable>;
