import DataLoader from "dataloader";

export const LARGEST_BATCH = 128;

/**
 * Calls of one turn of the event loop, carried out together: a round trip costs much the same for
 * one as for many. Nothing is cached.
 * @param carryOut resolves to a value for each key, in their order
 */
export function batch<Key, Value>(
  carryOut: (keys: readonly Key[]) => Promise<Value[]>,
): DataLoader<Key, Value> {
  return new DataLoader(carryOut, {
    cache: false,
    maxBatchSize: LARGEST_BATCH,
    batchScheduleFn: (dispatch) => setImmediate(dispatch),
  });
}
