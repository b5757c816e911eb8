import { describe, expect, test } from "bun:test";
import { CallTable } from "./call-table.ts";
import { seededRandom, testSeed } from "./testing/seed.ts";

interface Call {
  readonly id: number;
  readonly name: string;
}

function tableOf(ids: readonly number[]): CallTable<Call> {
  const table = new CallTable<Call>();
  for (const id of ids) table.add(callOf(id));
  return table;
}

function callOf(id: number): Call {
  return { id, name: `call ${id}` };
}

function idsOf(table: CallTable<Call>): number[] {
  return table.values().map(({ id }) => id);
}

describe("a call table", () => {
  test("finds each call by its id, and nothing by any other id", () => {
    const table = tableOf([1, 2, 3, 4, 5]);
    expect(table.size).toBe(5);
    expect(table.get(4)).toEqual(callOf(4));
    for (const other of [0, 6, 8, 4 + 2 ** 16, 0xffffffff])
      expect(table.get(other)).toBeUndefined();
  });

  test("removes a call once", () => {
    const table = tableOf([1, 2, 3]);
    expect(table.take(2)).toEqual(callOf(2));
    expect(table.take(2)).toBeUndefined();
    expect(table.get(2)).toBeUndefined();
    expect(idsOf(table)).toEqual([1, 3]);
    expect(table.size).toBe(2);
  });

  test("finds all other calls after one of the same slot is removed", () => {
    // A peer chooses its ids. These have the same last bits.
    const all = Array.from({ length: 20 }, (_, index) => 5 + index * 2 ** 20);
    for (const ids of [all, all.slice(0, 2)])
      for (const gone of ids) {
        const table = tableOf(ids);
        table.take(gone);
        for (const id of ids) expect(table.get(id)?.id).toBe(id === gone ? undefined : id);
      }
  });

  test("lists its calls in the order of their ids, also beyond 31 bits", () => {
    const ids = [7, 0xffffffff, 1, 0x80000000, 9, 0x7fffffff];
    expect(idsOf(tableOf(ids))).toEqual([1, 7, 9, 0x7fffffff, 0x80000000, 0xffffffff]);
  });

  test("is empty after clear", () => {
    const table = tableOf([1, 2, 3]);
    table.clear();
    expect(table.size).toBe(0);
    expect(table.get(2)).toBeUndefined();
    table.add(callOf(2));
    expect(idsOf(table)).toEqual([2]);
  });

  const random = seededRandom(testSeed("call table"));

  test.each([
    ["count up, like those of a client", (step: number) => step],
    ["collide", (step: number) => ((step * 64) % 2 ** 32) + (step % 3)],
    ["are random", () => Math.floor(random() * 2 ** 32)],
    ["are few, and repeat", () => Math.floor(random() * 300)],
  ])("behaves like a Map, for ids that %s", (_, idAt) => {
    const table = new CallTable<Call>();
    const map = new Map<number, Call>();
    for (let step = 1; step <= 20_000; step++) {
      const id = idAt(step);
      if (map.size < 250 && !map.has(id)) {
        const call = callOf(id);
        table.add(call);
        map.set(id, call);
      }
      // Mostly the oldest; sometimes a younger one, or an id that is not there.
      const [oldest = 0] = map.keys();
      const ending = step % 7 === 0 ? idAt(step - (step % 200)) : oldest;
      if (map.size > step % 250) {
        expect(table.take(ending)).toBe(map.get(ending));
        map.delete(ending);
      }
      expect(table.size).toBe(map.size);
    }
    expect(idsOf(table)).toEqual([...map.keys()].sort((one, other) => one - other));
    for (const [id, call] of map) expect(table.get(id)).toBe(call);
  });
});
