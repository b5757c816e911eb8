import { expect, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import { batch, LARGEST_BATCH } from "./batch.ts";

test("each batch is carried out in the contexts of exactly the calls that it serves", async () => {
  const calls = new AsyncLocalStorage<unknown>();
  const carriedOut: { keys: readonly number[]; contexts: unknown }[] = [];
  const loader = batch(
    async (keys: readonly number[]) => {
      carriedOut.push({ keys, contexts: calls.getStore() });
      return keys.map((key) => -key);
    },
    { current: () => calls.getStore(), run: (contexts, work) => calls.run(contexts, work) },
  );
  const load = (key: number) => calls.run(`call ${key}`, () => loader.load(key));

  const keys = Array.from({ length: 2 * LARGEST_BATCH + 7 }, (_, key) => key);
  expect(await Promise.all(keys.map(load))).toEqual(keys.map((key) => -key));
  expect(await Promise.all([load(1000), load(1001)])).toEqual([-1000, -1001]);

  expect(carriedOut.map(({ keys }) => keys.length)).toEqual([LARGEST_BATCH, LARGEST_BATCH, 7, 2]);
  for (const { keys, contexts } of carriedOut) {
    expect(contexts).toEqual(keys.map((key) => `call ${key}`));
  }
});
