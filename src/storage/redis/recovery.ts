import type { Redis } from "ioredis";
import type { Lease } from "../../user/stores.ts";

/**
 * More than a call takes to begin its update, and the update: whoever was at work when Redis forgot
 * is through by then.
 */
export const RECOVERY_MS = 8_000;

/**
 * A Redis that was away may have come back empty, without the marks of the writers at work. If one
 * of those dies as well, nobody drops what others have filled meanwhile; so for a while nobody
 * fills.
 */
export class Recovery {
  readonly #known = new Set<string>();
  #endsAtMs = Number.NEGATIVE_INFINITY;

  /** @param node by address: a cluster makes a new one for a server that it had lost */
  watch(node: Redis): void {
    const address = `${node.options.host}:${node.options.port}`;
    if (node.status === "ready") this.#known.add(address);
    node.on("ready", () => {
      if (this.#known.has(address)) this.#endsAtMs = performance.now() + RECOVERY_MS;
      this.#known.add(address);
    });
  }

  /** What to make of a lease that Redis grants. */
  permit(lease: Lease | undefined): Lease | undefined {
    return performance.now() < this.#endsAtMs ? undefined : lease;
  }
}
