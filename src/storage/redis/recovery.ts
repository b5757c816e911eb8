import type { Redis } from "ioredis";
import type { Lease } from "../../user/stores.ts";

/**
 * Longer than a call takes to begin and end its update. A writer that was in progress when Redis
 * lost its data has ended after this time.
 */
export const RECOVERY_MS = 8_000;

/**
 * Grants no leases for a while after Redis was down. Redis may have come back empty, without the
 * marks of the writers in progress. If such a writer dies, it never drops the profile, so a profile
 * that was filled in between would stay stale.
 */
export class Recovery {
  readonly #known = new Set<string>();
  #endsAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param node is identified by its address: ioredis makes a new object for a node that was lost
   */
  watch(node: Redis): void {
    const address = `${node.options.host}:${node.options.port}`;
    if (node.status === "ready") this.#known.add(address);
    node.on("ready", () => {
      if (this.#known.has(address)) this.extend(RECOVERY_MS);
      this.#known.add(address);
    });
  }

  /** Go on for at least this long from now. */
  extend(forMs: number): void {
    this.#endsAtMs = Math.max(this.#endsAtMs, performance.now() + forMs);
  }

  get isActive(): boolean {
    return performance.now() < this.#endsAtMs;
  }

  /** @returns the lease that Redis granted, or undefined during a recovery */
  permit(lease: Lease | undefined): Lease | undefined {
    return this.isActive ? undefined : lease;
  }
}
