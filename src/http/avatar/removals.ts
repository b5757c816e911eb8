import type { UserClient } from "../../gen/user.ts";
import type { Log } from "../../rpc/log.ts";
import { type AvatarStore, isGeneratedName } from "./store.ts";

/** Pages that are already loaded may still show a replaced picture for this time. */
const GRACE_MS = 60_000;
/** A deletion waits so long for the removal of its picture. */
const MAX_WAIT_MS = 500;

interface Replaced {
  readonly profilePath: string;
  readonly requestId: string;
}

/**
 * Removes unused pictures soon. The sweep (`sweep.ts`) removes the rest: failed removals, uploads
 * with an unknown outcome, and the remains of a killed process.
 */
export class AvatarRemovals {
  readonly #avatars: AvatarStore;
  readonly #user: Pick<UserClient, "findUnusedPictures">;
  readonly #log: Log;
  readonly #graceMs: number;
  readonly #waiting = new Map<Replaced, Timer>();
  readonly #running = new Set<Promise<void>>();

  constructor(
    avatars: AvatarStore,
    user: Pick<UserClient, "findUnusedPictures">,
    log: Log,
    graceMs = GRACE_MS,
  ) {
    this.#avatars = avatars;
    this.#user = user;
    this.#log = log;
    this.#graceMs = graceMs;
  }

  /** Remove the picture of a failed upload, which no profile will ever show. Never rejects. */
  removeUnused(profilePath: string, requestId: string): Promise<void> {
    return this.#run({ profilePath, requestId }, () => this.#avatars.remove(profilePath));
  }

  /** Remove a replaced picture after the grace period, if no profile uses it. */
  removeReplaced(profilePath: string, requestId: string): void {
    // The default picture stays, and so does any file that no upload has saved.
    if (!isGeneratedName(profilePath)) return;
    const replaced = { profilePath, requestId };
    const timer = setTimeout(() => void this.#removeNow(replaced), this.#graceMs);
    this.#waiting.set(replaced, timer.unref());
  }

  /**
   * Remove the picture of a deleted user now, if no profile uses it. Waits for that for a moment
   * only: an S3 that hangs must not delay the answer. Never rejects.
   */
  async removeDeleted(profilePath: string, requestId: string): Promise<void> {
    if (!isGeneratedName(profilePath)) return;
    const removed = this.#removeNow({ profilePath, requestId });
    await Promise.race([removed, Bun.sleep(MAX_WAIT_MS)]);
  }

  /** Do the waiting removals now, and wait for them for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const [replaced, timer] of this.#waiting) {
      clearTimeout(timer);
      void this.#removeNow(replaced);
    }
    await Promise.race([Promise.all(this.#running), Bun.sleep(graceMs)]);
  }

  #removeNow(replaced: Replaced): Promise<void> {
    const { profilePath, requestId } = replaced;
    this.#waiting.delete(replaced);
    return this.#run(replaced, async () => {
      // Check first: a caller of the RPC can take the picture of another user, and then replace it.
      const asked = { profilePaths: [profilePath] };
      const { unused } = await this.#user.findUnusedPictures(asked, { requestId });
      if (unused.includes(profilePath)) await this.#avatars.remove(profilePath);
    });
  }

  #run({ profilePath, requestId }: Replaced, remove: () => Promise<void>): Promise<void> {
    const running = remove()
      .catch((err: unknown) => {
        const fields = { err, requestId, profilePath };
        this.#log.warn(fields, "cannot remove an unused picture: the next sweep removes it");
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }
}
