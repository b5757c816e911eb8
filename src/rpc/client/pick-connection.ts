import type { Connection } from "./connection.ts";

/**
 * The connection for the next call: as few connections as `packedInFlight` allows, then the least
 * loaded. Undefined if none has a free slot.
 * @param open oldest first
 */
export function pickConnection(
  open: readonly Connection[],
  packedInFlight: number,
): Connection | undefined {
  let least: Connection | undefined;
  for (let index = open.length - 1; index >= 0; index--) {
    const connection = open[index];
    if (!connection?.hasFreeSlot) continue;
    if (connection.inFlight < packedInFlight) return connection;
    if (!least || connection.inFlight < least.inFlight) least = connection;
  }
  return least;
}
