import { randomUUID } from "node:crypto";
import type { UserClient } from "../../gen/user.ts";
import type { Log } from "../../rpc/log.ts";
import { type AvatarStore, isUnfinished } from "./store.ts";

/** The parts that a sweep uses. */
export interface SweepParts {
  readonly avatars: Pick<AvatarStore, "list" | "remove">;
  readonly user: Pick<UserClient, "findUnusedPictures">;
}

export interface Found {
  /** How many files are old enough to be checked. */
  readonly count: number;
  /** The names of pictures that no profile uses, and of unfinished saves. */
  readonly unused: readonly string[];
}

export interface SweepTimes {
  readonly firstAfterMs: number;
  readonly everyMs: number;
}

/** The uploads of younger files may still be in flight, or have an unknown outcome. */
const MIN_AGE_MS = 60 * 60_000;
/** The next sweep removes the rest. */
const MAX_UNUSED = 100_000;
const CONCURRENT_REMOVALS = 8;
/** Random times around these, so that the processes of a tier do not all sweep at once. */
const TIMES: SweepTimes = { firstAfterMs: 30 * 60_000, everyMs: 24 * 60 * 60_000 };
/** The daily sweep removes more than this only if more than half of the pictures are in use. */
const ALWAYS_PLAUSIBLE = 100;

/**
 * Find the pictures that no profile uses. This removes nothing, so that a failure has no effect.
 * @throws {RpcError} {DomainError} from the store or the TCP tier
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
    // Ignore names that were not in the request.
    const named = new Set(answer.unused);
    unused.push(...profilePaths.filter((name) => named.has(name)));
    if (unused.length >= MAX_UNUSED) break;
  }
  return { count, unused };
}

/** Remove pictures, and return the errors of those that could not be removed. */
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
  await Promise.all(Array.from({ length: CONCURRENT_REMOVALS }, removeSome));
  return errors;
}

/**
 * Sweep once a day until the result is disposed of. Several processes may sweep: they find the same
 * files, and a file that another process has removed is no error.
 */
export function sweepDaily(parts: SweepParts, log: Log, times: SweepTimes = TIMES): Disposable {
  const next = (afterMs: number) => setTimeout(sweep, afterMs * (0.5 + Math.random())).unref();
  let timer = next(times.firstAfterMs);

  async function sweep(): Promise<void> {
    timer = next(times.everyMs);
    try {
      const { count, unused } = await findUnused(parts);
      if (unused.length > ALWAYS_PLAUSIBLE && unused.length > count / 2) {
        // For example, the TCP tier may use another database, with none of these users.
        log.error(
          { count, unused: unused.length },
          "swept nothing: no profile uses most of the pictures, see `bun run sweep --dry-run`",
        );
        return;
      }
      const errors = await removeAll(parts.avatars, unused);
      log.info({ count, unused: unused.length, failed: errors.length }, "swept the pictures");
      if (errors.length > 0) log.warn({ err: errors[0] }, "cannot remove all unused pictures");
    } catch (err) {
      log.warn({ err }, "cannot sweep the pictures: the next try is tomorrow");
    }
  }

  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
