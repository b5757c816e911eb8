import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import { storageError } from "../attempt.ts";
import { History } from "./history.ts";
import { FENCE_MS, type MasterWatch } from "./master-watch.ts";
import { RECOVERY_MS, type Recovery } from "./recovery.ts";

const UNCONFIRMED = "the Sentinels do not confirm the master";
const POLL_MS = 20;
/** Longer than the fence, so that an update outlasts a failover that went well. */
const LONGEST_WAIT_MS = FENCE_MS + 500;

/**
 * What the server that a client is connected to may be used for. docs/cache.md says why a copy is
 * never stale, even if the master was replaced and the old one still answers.
 */
export class MasterGuard {
  readonly #history: History;
  readonly #recovery: Recovery;
  readonly #watch: MasterWatch | undefined;
  #updatesFromMs = Number.NEGATIVE_INFINITY;

  /** @param watch undefined without Sentinels: then only one server can be the master */
  constructor(redis: Redis, log: Log, recovery: Recovery, watch?: MasterWatch) {
    this.#recovery = recovery;
    this.#watch = watch;
    const fenceMs = watch ? FENCE_MS : 0;
    this.#history = new History(redis, log, (ageMs) => {
      // Another server may still begin updates at an old master until the fence is over.
      recovery.extend(fenceMs + RECOVERY_MS - ageMs);
      this.#updatesFromMs = performance.now() + fenceMs - ageMs;
    });
  }

  start(): Promise<void> {
    return this.#history.begin("start");
  }

  /** Whether copies on this server may be used. */
  get mayRead(): boolean {
    return this.#history.isKnown && (this.#watch?.isConfirmed ?? true);
  }

  /** Whether rows may be cached. */
  get mayFill(): boolean {
    return this.mayRead && !this.#recovery.isActive;
  }

  /**
   * Set a mark, on a server that is the master and on which updates may begin.
   * @throws {StorageError} Redis fails, or the Sentinels do not confirm the master
   */
  async marking(mark: () => Promise<unknown>): Promise<void> {
    if (!this.#watch) {
      await mark();
      return;
    }
    const endsAtMs = performance.now() + LONGEST_WAIT_MS;
    for (;;) {
      if (this.#mayUpdate) {
        const { connection } = this.#history;
        await mark();
        // If the connection was lost, the mark may be on another server.
        if (connection === this.#history.connection && this.#mayUpdate) return;
      }
      if (performance.now() > endsAtMs) throw storageError("invalidate profile", UNCONFIRMED);
      await sleep(POLL_MS);
    }
  }

  get #mayUpdate(): boolean {
    return this.mayRead && performance.now() >= this.#updatesFromMs;
  }
}
