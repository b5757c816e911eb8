import DataLoader from "dataloader";

export const LARGEST_BATCH = 128;

/**
 * Carry out the calls of one turn of the event loop together, since a round trip for many costs
 * about as much as for one. Nothing is cached.
 * @param carryOut resolves to one value for each key, in the order of the keys
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
