import DataLoader from "dataloader";
import type { BatchContext } from "./observe.ts";

export const LARGEST_BATCH = 128;

/**
 * Carry out the calls of one turn of the event loop together, since a round trip for many costs
 * about as much as for one. Nothing is cached.
 * @param carryOut resolves to one value for each key, in the order of the keys
 */
export function batch<Key, Value>(
  carryOut: (keys: readonly Key[]) => Promise<Value[]>,
  batches?: BatchContext,
): DataLoader<Key, Value> {
  return batches ? new ContextLoader(carryOut, batches) : new DataLoader(carryOut, OPTIONS);
}

const OPTIONS = {
  cache: false,
  maxBatchSize: LARGEST_BATCH,
  batchScheduleFn: (dispatch: () => void) => setImmediate(dispatch),
};

/** Also hands on the contexts of the calls. */
class ContextLoader<Key, Value> extends DataLoader<Key, Value> {
  readonly #batches: BatchContext;
  /** Of each key that waits. Without a cache, batches take the keys in the order of the calls. */
  readonly #contexts: unknown[];

  constructor(carryOut: (keys: readonly Key[]) => Promise<Value[]>, batches: BatchContext) {
    const contexts: unknown[] = [];
    super((keys) => batches.run(contexts.splice(0, keys.length), () => carryOut(keys)), OPTIONS);
    this.#batches = batches;
    this.#contexts = contexts;
  }

  override load(key: Key): Promise<Value> {
    this.#contexts.push(this.#batches.current());
    return super.load(key);
  }
}
