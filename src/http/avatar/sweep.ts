import { randomUUID } from "node:crypto";
import type { UserClient } from "../../gen/user.ts";
import type { Log } from "../../rpc/log.ts";
import { type AvatarStore, isUnfinished } from "./store.ts";

/** What a sweep works on. */
export interface SweepParts {
  readonly avatars: Pick<AvatarStore, "list" | "remove">;
  readonly user: Pick<UserClient, "findUnusedPictures">;
}

export interface Found {
  /** How many were looked at: all that are old enough. */
  readonly count: number;
  /** The names of those that no user shows, and of what is left of saves. */
  readonly unused: readonly string[];
}

export interface SweepTimes {
  readonly firstAfterMs: number;
  readonly everyMs: number;
}

/** Younger ones may be of uploads that are under way, or undecided. */
const MIN_AGE_MS = 60 * 60_000;
/** More than that is for the next sweep. */
const MAX_UNUSED = 100_000;
const REMOVED_AT_ONCE = 8;
/** Far from each other, so that the processes of a tier do not all ask at once. */
const TIMES: SweepTimes = { firstAfterMs: 30 * 60_000, everyMs: 24 * 60 * 60_000 };
/** A sweep by itself believes in so many unused pictures, or else in no more than half of all. */
const ALWAYS_BELIEVED = 100;

/**
 * Find the pictures that no user shows. Nothing is removed yet: if anything fails, nothing happens.
 * @throws {RpcError} {DomainError} of the store, or of the TCP tier
 */
export async function findUnused(
  { avatars, user }: SweepParts,
  before = new Date(Date.now() - MIN_AGE_MS),
): Promise<Found> {
  const requestId = `sweep-${randomUUID()}`;
  let count = 0;
  const unused: string[] = [];
  for await (const listed of avatars.list(before)) {
    count += listed.length;
    const profilePaths = listed.filter((name) => !isUnfinished(name));
    unused.push(...listed.filter(isUnfinished));
    if (profilePaths.length === 0) continue;
    const answer = await user.findUnusedPictures({ profilePaths }, { requestId });
    // Nothing but what was asked for, whatever was answered.
    const named = new Set(answer.unused);
    unused.push(...profilePaths.filter((name) => named.has(name)));
    if (unused.length >= MAX_UNUSED) break;
  }
  return { count, unused };
}

/** Remove pictures, and resolve to the errors of those that could not be. */
export async function removeAll(
  avatars: Pick<AvatarStore, "remove">,
  names: readonly string[],
): Promise<unknown[]> {
  const errors: unknown[] = [];
  const rest = [...names];
  const removeSome = async () => {
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      await avatars.remove(name).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: REMOVED_AT_ONCE }, removeSome));
  return errors;
}

/**
 * Sweep once a day, for as long as this is not disposed of. Several processes may do so: they find
 * the same, and what another one has removed is no error.
 */
export function sweepDaily(parts: SweepParts, log: Log, times: SweepTimes = TIMES): Disposable {
  const next = (afterMs: number) => setTimeout(sweep, afterMs * (0.5 + Math.random())).unref();
  let timer = next(times.firstAfterMs);

  async function sweep(): Promise<void> {
    timer = next(times.everyMs);
    try {
      const { count, unused } = await findUnused(parts);
      if (unused.length > ALWAYS_BELIEVED && unused.length > count / 2) {
        // A TCP tier on another database, say, knows none of them.
        log.error(
          { count, unused: unused.length },
          "most pictures are of no user, none is removed: see `bun run sweep --dry-run`",
        );
        return;
      }
      const errors = await removeAll(parts.avatars, unused);
      log.info({ count, unused: unused.length, failed: errors.length }, "swept the pictures");
      if (errors.length > 0) log.warn({ err: errors[0] }, "cannot remove all unused pictures");
    } catch (err) {
      log.warn({ err }, "cannot sweep the pictures: trying again tomorrow");
    }
  }

  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
