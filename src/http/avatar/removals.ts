import type { UserClient } from "../../gen/user-client.ts";
import type { Log } from "../../log.ts";
import { DomainError } from "../../rpc/error.ts";
import { type AvatarStore, isDrawnName } from "./store.ts";

export interface RemovalTimes {
  /** Pages that were loaded before may still show a replaced picture for so long. */
  readonly graceMs: number;
  /** From a failure to the next try; doubled with every further one. */
  readonly retryMs: number;
}

/** The last try is more than two minutes after the first; of what is undecided, there is none. */
const TIMES: RemovalTimes = { graceMs: 60_000, retryMs: 10_000 };
const MAX_TRIES = 5;

/** What an upload has done to a profile, or may have done. */
export interface Replacement {
  readonly requestId: string;
  readonly sessionId: string;
  /** What the profile pointed to before the upload. */
  readonly replaced: string;
  /** What the upload has saved, for the profile to point to. */
  readonly by: string;
}

interface Removal {
  readonly requestId: string;
  /** What is to go, for the log. */
  readonly profilePath: string;
  /** Whether a profile may point to it yet: then it can only be carried out after the grace. */
  readonly isUndecided: boolean;
  carryOut(): Promise<void>;
  failures: number;
}

/**
 * Removes the pictures that nobody uses: at once where an upload has certainly failed, a minute
 * later where it has replaced another, or may have. What waits is kept in memory alone: `close`
 * carries out what is certain, and a process that is killed leaves it behind.
 *
 * A picture that was replaced never comes back: its name was drawn for one upload, and only that
 * one sets it, once. Removing it is safe then, whatever else its user does in that minute.
 */
export class AvatarRemovals {
  readonly #avatars: AvatarStore;
  readonly #user: Pick<UserClient, "getUserInfo">;
  readonly #log: Log;
  readonly #times: RemovalTimes;
  readonly #waiting = new Map<Removal, Timer>();
  readonly #running = new Set<Promise<void>>();
  #isClosing = false;

  constructor(
    avatars: AvatarStore,
    user: Pick<UserClient, "getUserInfo">,
    log: Log,
    times: RemovalTimes = TIMES,
  ) {
    this.#avatars = avatars;
    this.#user = user;
    this.#log = log;
    this.#times = times;
  }

  /**
   * Remove what an upload has saved in vain, where no profile will ever point to it; resolves after
   * the first try. It is removed once more after the grace: a store that did not answer may come
   * round to saving it only now.
   */
  async unused(profilePath: string, requestId: string): Promise<void> {
    this.#after(this.#times.graceMs, this.#removal(profilePath, requestId));
    await this.#run(this.#removal(profilePath, requestId));
  }

  /** Remove the picture that an upload has replaced, once the grace is over. */
  replaced(replacement: Replacement): void {
    const { replaced: profilePath, requestId } = replacement;
    const carryOut = async () =>
      this.#removeReplaced(replacement, await this.#currentPath(replacement));
    const removal = { requestId, profilePath, isUndecided: false, carryOut, failures: 0 };
    this.#after(this.#times.graceMs, removal);
  }

  /**
   * Remove the picture that an upload has replaced or else the one that it has saved, where nobody
   * knows which: its update may have happened, or happen yet. After the grace it has or never will
   * (storage/CACHE.md), and the profile tells. A file too many is better than a profile without.
   */
  undecided(replacement: Replacement): void {
    const { by: profilePath, requestId } = replacement;
    const carryOut = async () => {
      const current = await this.#currentPath(replacement);
      if (current === undefined) this.#leaveBehind(removal);
      else await this.#removeReplaced(replacement, current);
    };
    const removal = { requestId, profilePath, isUndecided: true, carryOut, failures: 0 };
    if (this.#isClosing) this.#leaveBehind(removal);
    else this.#after(this.#times.graceMs, removal);
  }

  /** Carry out at once all that waits and is certain, each once, for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const endsAt = performance.now() + graceMs;
    while (this.#waiting.size + this.#running.size > 0) {
      for (const [removal, timer] of this.#waiting) {
        clearTimeout(timer);
        this.#waiting.delete(removal);
        if (removal.isUndecided) this.#leaveBehind(removal);
        else this.#start(removal);
      }
      const restMs = endsAt - performance.now();
      if (restMs <= 0) break;
      await Promise.race([Promise.all(this.#running), Bun.sleep(restMs)]);
    }
    const left = this.#running.size;
    if (left > 0) this.#log.error({ left }, "pictures that nobody uses are left behind");
  }

  #removal(profilePath: string, requestId: string): Removal {
    const carryOut = () => this.#avatars.remove(profilePath);
    return { requestId, profilePath, isUndecided: false, carryOut, failures: 0 };
  }

  /** @param current what the profile points to, undefined where it does not tell */
  async #removeReplaced(
    { requestId, replaced, by }: Replacement,
    current: string | undefined,
  ): Promise<void> {
    // The default picture, and what was not saved by an upload, may be others' as well.
    if (isDrawnName(replaced) && replaced !== current) await this.#avatars.remove(replaced);
    // Never set, or by an upload that ran beside this one, which may not have known of it.
    const isReplaced = current !== undefined && current !== by;
    if (isReplaced) this.#after(this.#times.graceMs, this.#removal(by, requestId));
  }

  /** What the profile points to, or undefined where the session has ended and does not tell. */
  async #currentPath({ sessionId, requestId }: Replacement): Promise<string | undefined> {
    try {
      return (await this.#user.getUserInfo({ sessionId }, { requestId })).profilePath;
    } catch (error) {
      const hasEnded = error instanceof DomainError && error.code === "InvalidSessionError";
      if (hasEnded) return undefined;
      throw error;
    }
  }

  #leaveBehind({ requestId, profilePath }: Removal): void {
    const event = "a picture that may be unused is left behind: its profile does not tell";
    this.#log.warn({ requestId, profilePath }, event);
  }

  #after(delayMs: number, removal: Removal): void {
    const onDue = () => {
      this.#waiting.delete(removal);
      this.#start(removal);
    };
    this.#waiting.set(removal, setTimeout(onDue, delayMs).unref());
  }

  #start(removal: Removal): void {
    const running = this.#run(removal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #run(removal: Removal): Promise<void> {
    const { requestId, profilePath, isUndecided } = removal;
    try {
      await removal.carryOut();
    } catch (err) {
      removal.failures++;
      const fields = { err, requestId, profilePath };
      const which = isUndecided ? "may be unused" : "nobody uses";
      const action = `cannot remove a picture that ${which}`;
      const isLast = removal.failures >= MAX_TRIES && !isUndecided;
      if (this.#isClosing || isLast) {
        this.#log.error(fields, `${action}: it is left behind`);
        return;
      }
      this.#log.warn(fields, `${action}: trying again later`);
      // The longer a database is away, the more are undecided: they wait for it, until the session
      // ends at the latest.
      const { graceMs, retryMs } = this.#times;
      this.#after(Math.min(retryMs * 2 ** (removal.failures - 1), 2 * graceMs), removal);
    }
  }
}
