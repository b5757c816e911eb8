import type { Log } from "../rpc/log.ts";
import type { Passwords } from "./password.ts";
import type { SessionStore, UserStore } from "./stores.ts";
import type { Throttle } from "./throttle.ts";

/** What the use cases of an account need. */
export interface UserServiceParts {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly log: Log;
}
