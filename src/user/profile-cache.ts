import type { Call } from "./call.ts";
import type { UserServiceParts } from "./parts.ts";
import type { CachedProfile, Lease, User } from "./stores.ts";

type Parts = Pick<UserServiceParts, "sessions" | "log">;

/** The part of a user that may be cached. */
export function profileOf({ username, nickname, profilePath }: User): CachedProfile {
  return { username, nickname, profilePath };
}

/** If the session store fails here, the call continues and does not fill the cache. */
export function leaseOrNone(
  { sessions, log }: Parts,
  username: string,
  { requestId }: Call,
): Promise<Lease | undefined> {
  return sessions.lease(username).catch((err: unknown) => {
    log.debug({ err, requestId }, "cannot lease the cache");
    return undefined;
  });
}

/** The reader does not wait for this. If it fails, the next reader misses the cache again. */
export function fillInBackground(
  { sessions, log }: Parts,
  profile: CachedProfile,
  lease: Lease,
  { requestId }: Call,
): void {
  sessions.fill(profile, lease).catch((err: unknown) => {
    log.warn({ err, requestId }, "cannot fill the cache");
  });
}
